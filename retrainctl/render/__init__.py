"""Plans, receipts and findings as text, Markdown, HTML, JSON, SARIF, JUnit, events and CI log commands.

Input is always the decoded document (a plan file, a receipt), so that live results and saved files look the same.
"""
