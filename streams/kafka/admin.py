"""Questions about Kafka's topics and groups, and the making of topics."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.protocol.commit import OffsetFetchRequest

from streams.kafka.client import CLOSE_S, OnDemand, close_within, kafka_client
from streams.kafka.errors import translated, translating
from streams.kafka.records import TP
from streams.settings import Settings


class Admin(OnDemand[AIOKafkaAdminClient]):
    """Asks over one connection, which is made at the first question. `async with Admin(settings)` closes it."""

    def __init__(self, settings: Settings, *, timeout_s: float = 20.0) -> None:
        super().__init__()
        self._settings, self._timeout_s = settings, timeout_s
        self._where = f"Kafka at {settings.kafka_address}"

    async def partitions(self) -> dict[str, int]:
        """Return the topics that our user may see, each with its number of partitions.

        Raises:
            Unavailable: Kafka does not answer.
        """
        with translating(f"{self._where} does not list its topics"):
            found = await (await self._started()).describe_topics()
        return {topic["topic"]: len(topic["partitions"]) for topic in found}

    async def committed(self, group: str) -> dict[TP, int]:
        """Return up to where, not with, a consumer group has done with partitions; without those where it never committed.

        Raises:
            NoGroupYet: no coordinator answers for it.
            Unavailable: Kafka does not answer, or does not know now.
        """
        with translating(f"{self._where} does not say how far {group!r} has read"):
            client = await self._started()
            coordinator = await client.find_coordinator(group)
            # `list_consumer_group_offsets` (aiokafka 0.14) takes an error of the whole group for a group without offsets.
            response = await client._send_request(OffsetFetchRequest(group, None), coordinator)
            if response.error_code:
                raise errors.for_code(response.error_code)()
            return {
                TP(topic, partition): offset
                for topic, found in response.topics
                for partition, offset, _, _ in found
                if offset >= 0
            }

    async def members(self, group: str) -> list[bytes]:
        """Return what each member of a consumer group says of itself (`userdata`, for the group's assignor).

        Raises:
            NoGroupYet: no coordinator answers for it.
            Unavailable: Kafka does not answer, or refuses.
        """
        with translating(f"{self._where} does not say who is in the group {group!r}"):
            (response,) = await (await self._started()).describe_consumer_groups([group])
            code, *_, members = response.groups[0][:6]
            if code:
                raise errors.for_code(code)()
        return [_userdata(member[3]) for member in members]

    async def config(self, topic: str) -> dict[str, str]:
        """Return the configuration of a topic.

        Raises:
            Unavailable: Kafka does not answer, or refuses.
        """
        with translating(f"{self._where} does not show the configuration of {topic!r}"):
            client = await self._started()
            (response,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            for code, message, _, _, _ in response.resources:
                if code:
                    raise errors.for_code(code)(message)
        return {entry[0]: entry[1] for resource in response.resources for entry in resource[4]}

    async def create(self, new: Iterable[tuple[str, int, dict[str, str]]], replication: int) -> None:
        """Create topics, each of a name, a number of partitions and a configuration; one that is there by now is left.

        Raises:
            KafkaRefused: one cannot be created so.
            Unavailable: Kafka does not answer.
        """
        wanted = [NewTopic(name, n, replication, topic_configs=config) for name, n, config in new]
        with translating(f"{self._where} creates no topics"):
            response = await (await self._started()).create_topics(wanted)
        for name, code, message in (tuple(answer)[:3] for answer in response.topic_errors):
            if code not in (0, errors.TopicAlreadyExistsError.errno):
                said = [message] if message else []
                raise translated(errors.for_code(code)(*said), f"{self._where} did not create the topic {name!r}")

    async def grow(self, topics: Iterable[str], n_partitions: int, *, only_try: bool = False) -> None:
        """Give topics more partitions, so many in all. `only_try`: ask whether they could have them, no more.

        Raises:
            KafkaRefused: one cannot grow so.
            Unavailable: Kafka does not answer.
        """
        wanted = {topic: NewPartitions(n_partitions) for topic in topics}
        if not wanted:
            return
        with translating(f"{self._where} does not give {', '.join(map(repr, wanted))} {n_partitions} partitions"):
            await (await self._started()).create_partitions(wanted, validate_only=only_try)

    def _new(self) -> AIOKafkaAdminClient:
        timeout_ms = round(self._timeout_s * 1000)
        return AIOKafkaAdminClient(**kafka_client(self._settings) | {"request_timeout_ms": timeout_ms})

    async def _end(self, client: AIOKafkaAdminClient) -> None:
        await close_within(CLOSE_S, client.close())


def _userdata(metadata: bytes) -> bytes:
    """Return the part of a member's metadata that its assignor wrote; empty if there is none, as while it joins."""
    try:
        return bytes(ConsumerProtocolMemberMetadata.decode(metadata).user_data or b"")
    except (ValueError, TypeError, IndexError):
        return b""
