"""As much of Kafka's own `kafka-acls.sh` as docs/permissions/kafka.sh uses: its jar is not among those of a test."""

from __future__ import annotations

import argparse
import asyncio
import itertools

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
TOPIC, GROUP = 2, 3
LITERAL, ALLOW = 3, 3


def main() -> None:
    """Add what the command line says."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", choices=OPERATIONS, required=True)
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--group", action="append", default=[])
    given = parser.parse_args()
    resources = [(TOPIC, name) for name in given.topic] + [(GROUP, name) for name in given.group]
    asyncio.run(_add(given.bootstrap_server, given.allow_principal, given.operation, resources))


async def _add(server: str, principal: str, operations: list[str], resources: list[tuple[int, str]]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server)
    await admin.start()
    try:
        for (kind, name), operation in itertools.product(resources, operations):
            request = CreateAclsRequest(kind, name, LITERAL, principal, "*", OPERATIONS[operation], ALLOW)
            answer = await admin._send_request(request)
            codes = [result[0] for result in answer.creation_responses]
            assert codes == [0], answer
    finally:
        await admin.close()


if __name__ == "__main__":
    main()
