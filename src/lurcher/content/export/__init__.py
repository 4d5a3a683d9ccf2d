"""Rules -> files that Sentinel and Defender deploy.

| step | module | in -> out |
|---|---|---|
| what is deployed | `model` | a rule, as published or with its exclusions in the query -> `Deploy` |
| limits | `limits` | `Deploy` -> what the service would refuse, each with the limit |
| what a target holds | `sentinel`, `defender` | `Deploy` -> a resource as plain data, and what was dropped |
| text | `arm`, `bicep`, `yamltext`, `kqltext` | resources, or a rule -> the text of a file |
"""
