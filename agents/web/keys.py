"""What the handlers find in the application, by typed keys."""

from __future__ import annotations

from aiohttp import web

from agents.web.bridge import BridgeWatch
from agents.web.cache import Cache
from agents.web.facts import Facts
from agents.web.kafka import Ends
from agents.web.live import Live
from agents.web.payloads import Payloads
from agents.web.peers import Peers
from agents.web.quarantined import Quarantine
from streams.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
URL = web.AppKey("url", str)
ENDS = web.AppKey("ends", Ends)
BRIDGE = web.AppKey("bridge", BridgeWatch)
FACTS = web.AppKey("facts", Facts)
PEERS = web.AppKey("peers", Peers)
PAYLOADS = web.AppKey("payloads", Payloads)
QUARANTINE = web.AppKey("quarantine", Quarantine)
CACHE = web.AppKey("cache", Cache)
LIVE = web.AppKey("live", Live)
