"""The declarations, a file a family. Sources of the facts: "Sysmon" (Sysinternals) and "Advanced security audit policy
settings" (Microsoft Learn) for what the events say; the schema reference of Microsoft Defender XDR for tables and ActionTypes.

An event that has no ActionType of Defender's with that very meaning is in Sentinel's tables alone: Sysmon 4, 5, 9, 16, 19, 20,
24, 25, 27, 28; Security 4634, 4647, 4648, 4672, 4689, 4722, 4724, 4725, 4728, 4740, 4756, 4768-4776, 5140; PowerShell 4104.
"""
