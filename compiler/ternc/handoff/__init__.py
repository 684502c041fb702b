"""Checks what a build hands to a vendor's tools, without those tools: docs/decisions/0014-handoff-check.md."""
