"""culturechat: ask local models of several cultures the same question, next to what people there told the survey."""

__version__ = "0.1.0"
