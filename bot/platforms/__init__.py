"""The roads into the groups, one package a platform."""
