"""Numbers about a design, as dataclass, JSON and text."""

from ternc.report.performance import Performance, performance, to_dict, to_json, to_table, to_text

__all__ = ["Performance", "performance", "to_dict", "to_json", "to_table", "to_text"]
