"""Windows events, from whatever file they are in, as rows of Defender's and Sentinel's tables.

    EVTX, JSON --a form--> Event --mapping--> TableBatch | Reject

| module | what it is |
|---|---|
| `event` | one event, whatever form it was in |
| `forms` | the forms that events come in: each from an object of a file to an `Event` |
| `shapes` | many objects with the same names at once, where their form can do that |
| `evtx`, `integrity` | the binary log: records, and what is wrong with the file |
| `clock` | files whose record times are local times: told by Sysmon's own time, and repaired |
| `read` | what the readers of all formats share: clock, mapping |
| `mapping` | which event becomes which row: declarations, and what makes columns of them |
"""

# Its readers are made of the modules here, and these of its `rows` and `context`: it is loaded first, whichever is asked for.
import lurcher.collect.exports  # noqa: F401
