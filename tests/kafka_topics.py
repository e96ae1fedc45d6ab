"""Our topics, made or changed by somebody else: with configuration of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka.topics import topics
from streams.settings import Settings, load


def settings_of(environ: Mapping[str, str]) -> Settings:
    """Return the settings that a process with this environment has."""
    return load({name: value for name, value in environ.items() if name.startswith("HINDSIGHT_")})


def make_topics(environ: Mapping[str, str], config: dict[str, dict[str, str]]) -> None:
    """Make the topics before the program does, with configuration by name of the topic in `Topics`."""
    wanted = topics(settings_of(environ))._asdict()
    new = [NewTopic(t.name, t.partitions, 1, topic_configs=t.config | config.get(n, {})) for n, t in wanted.items()]
    _administer(environ, lambda admin: admin.create_topics(new))


def set_config(environ: Mapping[str, str], topic: str, config: dict[str, str]) -> None:
    """Change the configuration of a topic, named as in `Topics`: to what the program gives it, and this."""
    wanted = getattr(topics(settings_of(environ)), topic)
    resource = ConfigResource(ConfigResourceType.TOPIC, wanted.name, configs=wanted.config | config)
    _administer(environ, lambda admin: admin.alter_configs([resource]))


def _administer(environ: Mapping[str, str], work: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
    async def administer() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=environ["HINDSIGHT_KAFKA"])
        await admin.start()
        try:
            await work(admin)
        finally:
            await admin.close()

    asyncio.run(administer())
