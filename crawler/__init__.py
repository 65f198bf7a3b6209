"""Finds and fetches: profiles of sites, spiders, and the command line. The only package that starts a reactor."""
