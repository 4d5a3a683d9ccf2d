"""Windows events -> rows of Defender's and Sentinel's tables: one mapping, for whatever form the events were in.

    Events --frame: by kind, field by field--> columns, by declaration --memory: who did it--> rows --> TableBatch

| module | what it is |
|---|---|
| `families` | the declarations: which event becomes which row |
| `columns` | the vocabulary that they are written in; `values` is what it says of one text |
| `declare` | the registry; what is wrong in a declaration raises at import |
| `kinds` | events by provider, channel and number |
| `frame` | events of one kind, column by column |
| `memory` | what a file has told of processes |
| `rows` | a declaration and a frame to rows |
| `sentinel` | the rows that every event has in Sentinel's tables |
| `describe` | the declarations as a table for the manual |
"""

from lurcher.collect.events.mapping.memory import ProcessMemory
from lurcher.collect.events.mapping.run import map_events

__all__ = ["ProcessMemory", "map_events"]
