"""The XML of an event as JSON, whichever way attributes went: what evtx_dump, Chainsaw, xmltodict and Velociraptor write.

{"Event": {"System": {"Provider": {"#attributes": {"Name": ..}}, ..}, "EventData": {"CommandLine": ..}}}   evtx_dump
{"Event": {"System": {"Provider_attributes": {"Name": ..}, ..}, "EventData": {..}}}     with separate attributes; Chainsaw
{"Event": {"System": {"Provider": {"@Name": ..}, ..}, "EventData": {"Data": [{"@Name": .., "#text": ..}]}}}      xmltodict
{"System": {"Provider": {"Name": ..}, "EventID": {"Value": 1}, ..}, "EventData": {..}}                        Velociraptor
"""

from __future__ import annotations

from typing import Any

from lurcher.collect.events.event import Event
from lurcher.collect.events.forms import Object, form
from lurcher.collect.events.forms.values import count, event_id, integer, keywords, text, texts, time

_NESTS = {dict, list}
_NONE: Object = {}


def _in_event(value: Object) -> bool:
    inner = value.get("Event")
    return type(inner) is dict and type(inner.get("System")) is dict


def _in_system(value: Object) -> bool:
    system = value.get("System")
    return type(system) is dict and "EventID" in system


@form("event-xml", "XML of an event as JSON: evtx_dump, Chainsaw, xmltodict", 10, _in_event)
def event(value: Object, position: int) -> Event:
    return of_xml(value["Event"], position)


@form("event-system", "an object with System and EventData: Velociraptor", 20, _in_system)
def top(value: Object, position: int) -> Event:
    made = of_xml(value, position)
    return made if made.message is not None else made._replace(message=text(value.get("Message")))


def of_xml(inner: Object, position: int, identity: bytes | None = None) -> Event:
    """The event of an object with `System`. Raises `ValueError` where it has no number."""
    system = inner["System"]
    get = system.get
    number = get("EventID")
    if type(number) is not int or not 0 <= number < 1 << 32:
        number = event_id(number)
    try:  # as evtx_dump has them
        provider, created = system["Provider"]["#attributes"], system["TimeCreated"]["#attributes"]
        execution = system["Execution"]["#attributes"]
    except (KeyError, TypeError):
        provider, created, execution = _of(system, "Provider"), _of(system, "TimeCreated"), _of(system, "Execution")
    security, correlation = get("Security"), get("Correlation")
    data, user_data = fields_of(inner)
    rendering = inner.get("RenderingInfo")
    when, name, guid = created.get("SystemTime"), provider.get("Name"), provider.get("Guid")
    channel, computer, record, mask = get("Channel"), get("Computer"), get("EventRecordID"), get("Keywords")
    version, level, task, opcode = get("Version"), get("Level"), get("Task"), get("Opcode")
    process, thread = execution.get("ProcessID"), execution.get("ThreadID")
    # Most values are of the type that they should have: the functions that look closer are for the others.
    return Event(
        position,
        when if type(when) is str else time(when),
        name if type(name) is str else text(provider.get("EventSourceName")),
        number,
        channel if type(channel) is str else text(channel),
        computer if type(computer) is str else text(computer),
        record if type(record) is int else integer(record),
        data,
        user_data,
        guid if type(guid) is str else text(guid),
        version if type(version) is int else count(version),
        level if type(level) is int else count(level),
        task if type(task) is int else count(task),
        opcode if type(opcode) is int else count(opcode),
        mask if type(mask) is str and mask[:2] == "0x" else keywords(mask),
        process if type(process) is int else count(process),
        thread if type(thread) is int else count(thread),
        None
        if security is None and "Security_attributes" not in system
        else text(_of(system, "Security").get("UserID")),
        None
        if correlation is None and "Correlation_attributes" not in system
        else text(_of(system, "Correlation").get("ActivityID")),
        None if rendering is None else text(rendering.get("Message")) if type(rendering) is dict else None,
        identity,
    )


def _of(parent: Object, name: str) -> Object:
    """The attributes of an element."""
    element = parent.get(name)
    if type(element) is dict:
        inside = element.get("#attributes")
        if type(inside) is dict:
            return inside
        return {k.removeprefix("@").removeprefix("_"): v for k, v in element.items()}
    separate = parent.get(f"{name}_attributes")
    if type(separate) is dict:
        return separate
    return {"SystemTime": element} if name == "TimeCreated" and element is not None else _NONE


def fields_of(inner: Object) -> tuple[Object, str | None]:
    """The event's fields, and the name of the element that they were in where it is no EventData."""
    data = inner.get("EventData")
    if data:
        if type(data) is dict:
            return _fields(data, inner.get("EventData_attributes")), None
        result: Object = {}
        _named(data, result)
        return result, None
    user = inner.get("UserData")
    if type(user) is dict:
        names = [n for n in user if n[:1] not in "#@" and not n.endswith("_attributes")]
        if len(names) == 1:
            element = user[names[0]]
            if type(element) is dict:
                return _fields(element, user.get(f"{names[0]}_attributes")), names[0]
            return ({} if element is None else {names[0]: element}), names[0]
        if names:
            return _fields(user, None), "UserData"
    for name in ("ProcessingErrorData", "DebugData", "BinaryEventData"):
        if name in inner:
            element = inner[name]
            return (_fields(element, None) if type(element) is dict else {name: element}), name
    return {}, None


def _fields(element: Object, separate: Any) -> Object:
    """The children of an element by name; its own attributes, other than namespaces, under `#attributes`."""
    plain = separate is None and "Data" not in element and "@" not in "".join(element)
    if plain and _NESTS.isdisjoint(map(type, element.values())):
        return element
    result: Object = {}
    own: Object = dict(separate) if type(separate) is dict else {}
    for name, value in element.items():
        if name == "#attributes":
            own.update(value if type(value) is dict else {})
        elif name[:1] == "@":
            own[name[1:]] = value
        elif name == "Data" and type(value) is not str:
            _named(value, result)
        elif name.endswith("_attributes") and type(value) is dict and name[:-11] in element:
            if name != "Data_attributes":
                result[name] = value
        elif type(value) is dict and value.keys() == {"#text"}:
            result[name] = value["#text"]
        else:
            result[name] = value
    own = {k: v for k, v in own.items() if not k.startswith("xmlns")}
    if own:
        result["#attributes"] = own
    return result


def _named(value: Any, result: Object) -> None:
    """`Data` elements: those with a name under it, the others together under `Data`."""
    unnamed: list[Any] = []
    for item in value if type(value) is list else [value]:
        if type(item) is not dict:
            unnamed += texts(item)
            continue
        attributes = item.get("#attributes", item)
        name = next((attributes[n] for n in ("@Name", "Name", "_Name", "@name") if n in attributes), None)
        content = next((item[n] for n in ("#text", "Text", "text", "Value", "content", "$t", "_") if n in item), None)
        if type(name) is not str:
            unnamed += texts(content)
        else:
            put(result, name, "" if content is None else content)
    if unnamed:
        result["Data"] = unnamed


def put(result: Object, name: str, content: Any) -> None:
    """A field; where a provider has a name twice, the next ones are numbered, as evtx_dump does."""
    if name not in result:
        result[name] = content
        return
    number = 1
    while f"{name}_{number}" in result:
        number += 1
    result[f"{name}_{number}"] = content
