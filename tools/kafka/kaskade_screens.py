"""What kaskade, a text interface for Kafka, shows of a cluster: its table of topics, then the records of one of them, as JSON. Its screens run without a terminal, and are looked at until they are whole.

Arguments: bootstrap servers, topic, number of its records."""

import asyncio
import json
import sys

from kaskade.admin import KaskadeAdmin
from kaskade.consumer import KaskadeConsumer
from kaskade.deserializers import Deserialization
from textual.widgets import DataTable

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
SIZE = (240, 60)
LIMIT = 600


def rows_of(app, table_id):
    table = app.screen.query_one(table_id, DataTable)
    columns = [key.value or str(column.label) for key, column in table.columns.items()]
    return [dict(zip(columns, (str(getattr(cell, "plain", cell)) for cell in table.get_row(key)))) for key in table.rows]


async def shown(app, table_id, is_whole):
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(LIMIT):
            await pilot.pause(0.1)
            rows = rows_of(app, table_id)
            if is_whole(rows):
                return rows
        raise SystemExit(f"not in time: {rows}")


def is_counted(rows):
    """Numbers come later than names, and are told to be approximate."""
    return any(row["name"] == topic and all(row[column].lstrip("≈").isdigit() for column in ("records", "lag")) for row in rows)


async def main():
    config = {"bootstrap.servers": bootstrap}
    topics = await shown(KaskadeAdmin(dict(config)), "#topics-table", is_counted)
    text = Deserialization.STRING
    consumer = KaskadeConsumer(topic, {**config, "auto.offset.reset": "earliest"}, {}, {}, {}, text, text)
    records = await shown(consumer, "#records-table", lambda rows: len(rows) >= count)
    print(json.dumps({"topics": topics, "records": records}))


asyncio.run(main())
