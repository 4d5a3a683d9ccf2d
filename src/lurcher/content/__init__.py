"""Rules: the files that people keep detections in -> one model -> what is wrong with them.

| step | module | in -> out |
|---|---|---|
| bytes | `files` | a path -> a decoded, bounded `TextFile` |
| repairs of text | `mending` | text no YAML parser takes -> text with every place known in the file |
| YAML | `yamltree` | text -> nodes with places, within limits |
| formats | `formats` | one module a format: `sentinel`, `kql`, `page` |
| fields | `reader`, `rulefields`, `exclusionfields` | nodes -> `Rule` and `Exclusion` (`model`) |
| files and folders | `loading` | path -> `Loaded`; rule -> its file with the repairs written |
| checks | `checks` | rule -> problems, each with a code and a place |
"""
