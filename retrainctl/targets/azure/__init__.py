"""The one HTTP pipeline that every Azure target shares, on azure-core; the only door to `azure.*`."""
