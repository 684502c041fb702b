"""Switching activity: how often the nets of a build change on given inputs, for a vendor's power analyser."""
