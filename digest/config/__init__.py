"""Configuration: settings from the environment, digests and feeds from `feeds.yaml`."""

from __future__ import annotations

from digest.config.feeds_yaml import Config, DigestSpec, FeedSpec, SummarySpec, load_config
from digest.config.settings import Settings, load_settings, unknown_settings

__all__ = [
    "Config",
    "DigestSpec",
    "FeedSpec",
    "Settings",
    "SummarySpec",
    "load_config",
    "load_settings",
    "unknown_settings",
]
