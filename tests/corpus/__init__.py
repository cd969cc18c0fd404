"""Real documents, from the source distributions of packages that read or write documents.

Only the packages' names, versions and hashes are kept here; ``make corpus`` fetches them.
"""
