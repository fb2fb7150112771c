"""A strict fake of Google Cloud Storage for tests: JSON API, XML API and gRPC over one store. Start: serve.py."""
