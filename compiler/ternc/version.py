"""The one place where ternc's version stands."""

__version__ = "0.2.0"
