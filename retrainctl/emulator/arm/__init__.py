"""Azure Resource Manager: the gateway, sign-in, and the providers that New web services need."""
