"""What the handlers find in the application, by typed keys."""

from __future__ import annotations

from aiohttp import web

from agents.insight.answers import Answers
from agents.worker import Worker
from streams.settings import Settings
from web.cache import Cache
from web.features.lookup import FeaturesOfMany
from web.live import Live
from web.one_id.features import FeaturesOf
from web.one_id.payloads import Payloads
from web.pairs.tally import Tallies
from web.quarantine.newest import Quarantine
from web.state.bridge_watch import BridgeWatch
from web.state.peers import Peers
from web.state.score_metrics import Grown
from web.state.topic_ends import Ends
from web.state.worker_facts import Facts

WORKER = web.AppKey("worker", Worker)
SETTINGS = web.AppKey("settings", Settings)
URL = web.AppKey("url", str)
ENDS = web.AppKey("ends", Ends)
BRIDGE = web.AppKey("bridge", BridgeWatch)
FACTS = web.AppKey("facts", Facts)
PEERS = web.AppKey("peers", Peers)
PAYLOADS = web.AppKey("payloads", Payloads)
FEATURES = web.AppKey("features", FeaturesOf)
FEATURES_OF_MANY = web.AppKey("features of many", FeaturesOfMany)
QUARANTINE = web.AppKey("quarantine", Quarantine)
FIGURES = web.AppKey("figures", Answers)
GROWN = web.AppKey("grown", Grown)
TALLIES = web.AppKey("tallies", Tallies)
CACHE = web.AppKey("cache", Cache)
LIVE = web.AppKey("live", Live)
