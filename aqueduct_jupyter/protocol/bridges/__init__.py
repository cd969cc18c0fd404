"""Translation between the APIs: requests through chat's form, answers through items."""
