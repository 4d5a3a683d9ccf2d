"""What only the cloud has, where the user allows or supplies it: queries and their rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mmdb
from lurcher.app.add import add
from lurcher.app.session import Session
from lurcher.app.supplies import Asked
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.lake import Lake

NOW = datetime(2026, 2, 1, tzinfo=UTC)
URL = "https://example.org/in/list.csv"


def session(lake: Lake | None = None, **asked: Any) -> Session:
    return Session.open(lake, NOW, asked=Asked(**asked))


def rows(session: Session, kql: str) -> list[dict[str, Any]]:
    return session.run_table(kql).to_pylist()


def codes(session: Session, kql: str) -> list[str]:
    return [d.code for d in session.compile(kql).diagnostics]


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def fill(lake: Lake, table: str, *records: dict[str, Any]) -> None:
    path = file(lake.path.parent, f"{table}.jsonl", "\n".join(map(json.dumps, records)))
    outcome = add(lake, [path], table=table, now=NOW).files[0]
    assert (outcome.rejected, outcome.tables) == (0, {table: len(records)})


# --- externaldata ----------------------------------------------------------------------------------------------------------
def test_cells_become_the_declared_types_or_null(tmp_path: Path) -> None:
    path = file(tmp_path, "l.csv", 'name,n,when,flag,more\na,5,2024-01-02,true,"{""k"":1}"\nb,x,soon,perhaps,\n')
    query = f"""externaldata(name:string, n:long, when:datetime, flag:bool, more:dynamic)["{URL}"] with (ignoreFirstRecord=true)
        | extend k = tolong(more.k) | project name, n, when, flag, k"""
    assert rows(session(map=((URL, path),)), query) == [
        {"name": "a", "n": 5, "when": datetime(2024, 1, 2, tzinfo=UTC), "flag": True, "k": 1},
        {"name": "b", "n": None, "when": None, "flag": None, "k": None},
    ]


def test_json_values_become_the_declared_types(tmp_path: Path) -> None:
    path = file(tmp_path, "l.json", '{"n":7,"s":"x","d":[1]}\n{"n":"8","s":{"k":1}}\n')
    query = f"externaldata(s:string, n:int, d:dynamic)[@'{URL}'] with (format='json') | extend l = array_length(d) | project-away d"
    assert rows(session(map=((URL, path),)), query) == [{"s": "x", "n": 7, "l": 1}, {"s": '{"k":1}', "n": 8, "l": None}]


def test_several_urls_are_one_table_and_each_loses_its_first_record(tmp_path: Path) -> None:
    one, two = file(tmp_path, "1.txt", "# one\na\n"), file(tmp_path, "2.txt", "# two\nb\n")
    query = (
        "externaldata(x:string)['https://h/1.txt', h'https://h/2.txt'] with (ignorefirstrecord=true) | sort by x asc"
    )
    assert [r["x"] for r in rows(session(map=(("https://h/1.txt", one), ("https://h/2.txt", two))), query)] == [
        "a",
        "b",
    ]


def test_a_file_is_read_once_a_session(tmp_path: Path) -> None:
    path = file(tmp_path, "l.csv", "a\n")
    s = session(map=((URL, path),))
    assert len(rows(s, f"let T = externaldata(x:string)['{URL}']; T | join kind=inner T on x")) == 1
    path.unlink()
    assert rows(s, f"externaldata(x:string, y:long)['{URL}']") == [{"x": "a", "y": None}]


def test_a_mapping_holds_for_the_url_with_its_key(tmp_path: Path) -> None:
    path = file(tmp_path, "l.csv", "a\n")
    s = session(map=((URL, path),))
    for key in ("?sv=1&sig=abc%3D", ";secret"):
        assert rows(s, f"externaldata(x:string)[h@'{URL}{key}']") == [{"x": "a"}]


def test_the_url_of_a_parameter_and_of_a_let(tmp_path: Path) -> None:
    path = file(tmp_path, "l.csv", "a\n")
    assert rows(session(map=((URL, path),)), f"let u = '{URL}'; externaldata(x:string)[u]") == [{"x": "a"}]
    s = session(map=((URL, path),))
    assert rows(s, f"let f = (u:string) {{ externaldata(x:string)[strcat('{URL[:12]}', u)] }}; f('{URL[12:]}')") == [
        {"x": "a"}
    ]
    assert codes(s, "let f = (u:string) { externaldata(x:string)[u] }; print 1") == []
    assert codes(s, "externaldata(x:string)[]") == codes(s, f"externaldata()['{URL}']") == ["LU001"]
    assert "LU008" in codes(session(), "externaldata(x:string)[strcat('https://h/', tostring(rand()))]")


def test_nothing_is_read_that_is_not_allowed() -> None:
    refused = session(allow=("https://example.org/other/",)).compile(f"externaldata(x:string)['{URL}']").diagnostics
    assert [(d.code, d.kind) for d in refused] == [("LU002", "denied")]


def test_formats_that_are_not_read_are_refused(tmp_path: Path) -> None:
    s = session(allow=("https://h",))
    assert codes(s, "externaldata(x:string)['https://h/l.orc']") == ["LU001"]
    assert codes(s, "externaldata(x:string)['https://h/l.csv'] with (format='avro')") == ["LU001"]
    assert codes(s, "externaldata(x:string)['https://h/l.csv'] with (ingestionMapping='[]')") == ["LU001"]
    assert codes(s, "externaldata(x:string)['https://h/l.csv', 'https://h/l.txt']") == ["LU001"]
    assert codes(s, "externaldata(x:string)['https://h/l.csv.gz', 'https://h/l.csv']") == []


def test_a_mapped_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="cannot be read"):
        rows(session(map=((URL, tmp_path / "none.csv"),)), f"externaldata(x:string)['{URL}']")


def test_a_lakes_settings_allow_and_map(lake: Lake) -> None:
    with (lake.path / "lake.toml").open("a") as settings:
        settings.write(f'[externaldata]\nallow = ["h/a"]\nmap = {{ "{URL}" = "lists/l.csv" }}\n')
    file(lake.path, "lists/l.csv", "a\n")
    s = session(Lake.open(lake.path))
    assert rows(s, f"externaldata(x:string)['{URL}']") == [{"x": "a"}]
    assert codes(s, "externaldata(x:string)['https://h/a/b.csv']") == []


JOINED = (
    "let L = _GetWatchlist('vip'); print n='ann' | join kind=inner L on $left.n == $right.SearchKey | project-away n"
)


# --- watchlists ------------------------------------------------------------------------------------------------------------
def test_a_watchlist_is_a_csv_file_of_the_lake(lake: Lake) -> None:
    file(lake.path, "watchlists/vip.csv", "Name,Since\nann,2024\n")
    s = session(lake)
    found = rows(s, "_GetWatchlist('vip') | where Since == '2024'")
    assert found == [{"_DTItemId": "", "LastUpdatedTimeUTC": None, "Name": "ann", "Since": "2024"}]
    assert codes(s, "_GetWatchlist('vip')") == ["LU026", "LU010"]
    assert rows(s, "_GetWatchlistAlias") == rows(s, "_GetWatchlistAlias()") == [{"WatchlistAlias": "vip"}]


def test_the_search_key_is_a_column_of_the_file(lake: Lake, tmp_path: Path) -> None:
    path = file(tmp_path, "x.csv", "Name,_DTItemId,LastUpdatedTimeUTC\nann,7,2024-01-02T00:00:00Z\n")
    s = session(lake, watchlists=(("vip", "Name", path),))
    assert rows(
        s,
        JOINED,
    ) == [{"_DTItemId": "7", "LastUpdatedTimeUTC": datetime(2024, 1, 2, tzinfo=UTC), "SearchKey": "ann", "Name": "ann"}]
    assert codes(s, "_GetWatchlist('vip')") == []
    assert codes(session(watchlists=(("vip", "Nme", path),)), "_GetWatchlist('vip')") == ["LU023"]


def test_a_list_as_the_service_gave_it_has_its_own_columns(tmp_path: Path) -> None:
    path = file(tmp_path, "x.csv", "_DTItemId,LastUpdatedTimeUTC,SearchKey,Name\n1,2024-01-02,k,ann\n")
    s = session(watchlists=(("vip", "", path),))
    assert [c.name for c in s.compile("_GetWatchlist('vip')").queries[0].columns] == [
        "_DTItemId", "LastUpdatedTimeUTC", "SearchKey", "Name",
    ]  # fmt: skip
    assert rows(s, "_GetWatchlist('vip') | project SearchKey") == [{"SearchKey": "k"}]


@pytest.mark.parametrize("alias", ["../lake", "..", "", "vip/../vip", "/etc/passwd", "x" * 5000, "a\0b", "VIP"])
def test_an_alias_is_no_path(lake: Lake, alias: str) -> None:
    file(lake.path, "watchlists/vip.csv", "Name\nann\n")
    file(lake.path, "lake.csv", "Name\nann\n")
    found = session(lake).compile(f"_GetWatchlist({json.dumps(alias)})").diagnostics
    assert [(d.code, d.kind) for d in found] == [("LU024", "denied")]
    assert "passwd" not in found[0].hint


def test_a_watchlist_that_is_missing_says_where_to_put_it(lake: Lake) -> None:
    (found,) = session(lake).compile("_GetWatchlist('vip') | where SearchKey == 'x' | project Anything").diagnostics
    assert str(lake.path / "watchlists" / "vip.csv") in found.hint


@pytest.mark.parametrize("text", ["", "a,a\n1,2\n", "a,\n1,2\n"])
def test_a_watchlist_without_names_is_told(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, "x.csv", text)
    assert codes(session(watchlists=(("vip", "", path),)), "_GetWatchlist('vip')") == ["LU023"]


# --- Defender's functions --------------------------------------------------------------------------------------------------
A, B, C, A256 = "a" * 40, "b" * 40, "c" * 40, "1" * 64
SIGNED = {"Timestamp": "2026-01-02T00:00:00Z", "DeviceId": "d", "IsSigned": True}


def test_a_profile_is_what_the_tables_say_of_a_file(lake: Lake) -> None:
    fill(lake, "DeviceFileCertificateInfo",
         {**SIGNED, "SHA1": A, "IsTrusted": False, "Signer": "old", "Timestamp": "2026-01-01T00:00:00Z"},
         {**SIGNED, "SHA1": A, "IsTrusted": True, "Signer": "new", "Issuer": "i", "SignerHash": "h"},
         {**SIGNED, "SHA1": B, "IsSigned": False},
         )  # fmt: skip
    event = {"Timestamp": "2026-01-02T00:00:00Z", "DeviceId": "d", "ActionType": "FileCreated"}
    fill(lake, "DeviceFileEvents",
         {**event, "SHA1": A.upper(), "SHA256": A256, "FileSize": 7}, {**event, "SHA1": B}, {**event, "SHA1": C},
         {**event, "SHA1": ""},
         )  # fmt: skip
    s = session(lake)
    query = """DeviceFileEvents | project SHA1 | invoke FileProfile(SHA1, 1000) | sort by SHA1 asc
        | project SHA11, Signer, Issuer, IsCertificateValid, SignatureState, SHA256, FileSize,
            GlobalPrevalence, ProfileAvailability"""
    assert [tuple(r.values()) for r in rows(s, query)] == [
        ("", "", "", None, "", "", None, None, "Missing"),
        (A, "new", "i", True, "SignedValid", A256, 7, None, "Available"),
        (B, "", "", None, "Unsigned", "", None, None, "Available"),
        (C, "", "", None, "Unknown", "", None, None, "Available"),
    ]
    assert codes(s, query) == ["LU010"]
    for call in ("FileProfile()", "FileProfile('SHA1')", "FileProfile(SHA1)", "FileProfile(tolower(SHA1), 1)"):
        counted = f"DeviceFileEvents | where SHA1 =~ '{A}' | invoke {call} | project Signer"
        assert rows(s, counted) == [{"Signer": "new"}], call
    by_256 = "DeviceFileEvents | where isnotempty(SHA256) | project SHA256 | invoke FileProfile(SHA256) | project SHA1, Signer"
    assert rows(s, by_256) == [{"SHA1": A, "Signer": "new"}]
    assert codes(s, "DeviceInfo | invoke FileProfile('Nope')") == ["KS142", "LU010"]


def test_the_users_own_profiles_win(lake: Lake) -> None:
    fill(
        lake,
        "DeviceFileCertificateInfo",
        {**SIGNED, "SHA1": A, "Signer": "local"},
        {**SIGNED, "SHA1": B, "Signer": "local"},
    )
    fill(lake, "FileProfile", {"SHA1": A, "Signer": "exported", "GlobalPrevalence": 12, "ThreatName": "T"})
    query = f"""datatable(SHA1:string)['{A}', '{B}'] | invoke FileProfile() | sort by SHA1 asc
        | project SHA1, Signer, GlobalPrevalence, ThreatName"""
    assert [tuple(r.values()) for r in rows(session(lake), query)] == [(A, "exported", 12, "T"), (B, "local", None, "")]


def test_a_profile_without_data_is_null_and_says_so() -> None:
    found = rows(
        session(),
        f"print SHA1='{A}' | invoke FileProfile() | project Signer, SHA11, GlobalPrevalence, ProfileAvailability",
    )
    assert found == [{"Signer": "", "SHA11": "", "GlobalPrevalence": None, "ProfileAvailability": "Missing"}]


def report(time: str, device: str, adapter: str, *addresses: str) -> dict[str, Any]:
    listed = [{"IPAddress": a, "SubnetPrefix": 24, "AddressType": "Private"} for a in addresses]
    return {
        "Timestamp": time, "DeviceId": device, "DeviceName": f"{device}.corp", "NetworkAdapterName": adapter, "MacAddress": adapter,
        "NetworkAdapterType": "Ethernet", "ConnectedNetworks": [{"Name": "corp"}], "IPAddresses": listed,
    }  # fmt: skip


@pytest.fixture
def network(lake: Lake) -> Session:
    fill(lake, "DeviceNetworkInfo",
         report("2026-01-01T00:00:00Z", "d1", "e0", "10.0.0.1"), report("2026-01-02T00:00:00Z", "d1", "e0", "10.0.0.2", "fe80::1"),
         report("2026-01-01T12:00:00Z", "d1", "w0", "10.0.0.9"), report("2026-01-03T00:00:00Z", "d2", "e0", "10.0.0.1"),
         report("2026-01-03T00:00:00Z", "d2", "x0"), report("2026-03-01T00:00:00Z", "d1", "e0", "10.0.0.77"),
         )  # fmt: skip
    return session(lake)


def test_the_addresses_of_a_device_at_a_time(network: Session) -> None:
    def addresses(call: str) -> list[str]:
        return [r["IPAddress"] for r in rows(network, f"{call} | sort by IPAddress asc")]

    assert addresses("AssignedIPAddresses('d1')") == ["10.0.0.2", "10.0.0.9", "fe80::1"]
    assert addresses("AssignedIPAddresses('D1.CORP', datetime(2026-01-01 13:00))") == ["10.0.0.1", "10.0.0.9"]
    assert addresses("AssignedIPAddresses('d1', ago(100d))") == []
    assert addresses("AssignedIPAddresses('d2', now())") == ["10.0.0.1"]
    assert addresses("let d = 'd2'; AssignedIPAddresses(d)") == ["10.0.0.1"]
    (row,) = rows(network, "AssignedIPAddresses('d2')")
    assert (row["IPType"], row["NetworkAdapterType"], json.loads(row["ConnectedNetworks"])) == (
        "Private",
        "Ethernet",
        [{"Name": "corp"}],
    )
    assert row["Timestamp"] == datetime(2026, 1, 3, tzinfo=UTC)
    assert codes(network, "AssignedIPAddresses('d2')") == ["LU025"]


def test_the_devices_of_addresses(network: Session) -> None:
    piped = "datatable(IP:string)['10.0.0.1', '10.0.0.9', '10.0.0.1', '10.9.9.9'] | invoke "
    assert rows(network, f"{piped} DeviceFromIP() | sort by IP asc") == [
        {"IP": "10.0.0.1", "DeviceId": "d2"}, {"IP": "10.0.0.9", "DeviceId": "d1"},
    ]  # fmt: skip
    assert rows(network, f"{piped} DeviceFromIP(IP, datetime(2026-01-01 01:00))") == [
        {"IP": "10.0.0.1", "DeviceId": "d1"}
    ]
    assert rows(network, "print LocalIP='10.0.0.9' | invoke DeviceFromIP('LocalIP')") == [
        {"IP": "10.0.0.9", "DeviceId": "d1"}
    ]


def test_who_has_seen_a_device(lake: Lake) -> None:
    query = "datatable(DeviceId:string)['d1', 'd2'] | invoke SeenBy() | sort by DeviceId asc"
    assert rows(session(), query) == [{"DeviceId": "d1", "SeenBy": None}, {"DeviceId": "d2", "SeenBy": None}]
    fill(lake, "SeenBy", {"DeviceId": "d2", "SeenBy": ["d7", "d8"]})
    assert [r["SeenBy"] and json.loads(r["SeenBy"]) for r in rows(session(lake), query)] == [None, ["d7", "d8"]]


def test_these_functions_see_nothing_of_the_query(network: Session) -> None:
    query = (
        "let DeviceNetworkInfo = print x=1; let x = 'd1'; let y = 'no'; AssignedIPAddresses('d2') | project IPAddress"
    )
    assert rows(network, query) == [{"IPAddress": "10.0.0.1"}]


# --- elsewhere -------------------------------------------------------------------------------------------------------------
def test_tables_of_elsewhere_are_the_ones_here_where_the_user_says_so(lake: Lake) -> None:
    fill(lake, "Resources", {"id": "r1", "type": "vm"})
    fill(lake, "Heartbeat", {"TimeGenerated": "2026-01-01T00:00:00Z", "Computer": "c"})
    s = session(lake, here=("arg", "workspace:hq"))
    assert rows(s, "arg('').Resources | where type == 'vm' | project id") == [{"id": "r1"}]
    assert rows(s, "workspace('HQ').Heartbeat | project Computer") == [{"Computer": "c"}]
    assert codes(s, "workspace('other').Heartbeat") == ["LU002"]
    assert codes(s, "adx('c/d').T") == ["LU002"]
    assert codes(s, "arg('').SecurityResources") == ["LU024"]
    assert codes(session(lake), "arg('').Resources") == ["LU002"]


# --- places ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def places(tmp_path: Path) -> Path:
    pytest.importorskip("maxminddb")
    sydney = {
        "country": {"iso_code": "AU", "names": {"de": "Australien", "en": "Australia"}},
        "subdivisions": [{"names": {"en": "New South Wales"}}],
        "city": {"names": {"en": "Sydney"}},
        "location": {"latitude": -33.8715, "longitude": 151.2006},
    }
    nowhere = {"country": {"names": {"en": "Norway"}}, "location": {"latitude": 59.95}}
    folder = tmp_path / "geo"
    folder.mkdir()
    return mmdb.write(
        folder / "city.mmdb", {"20.53.0.0/16": sydney, "2001:db8::/32": nowhere, "30.0.0.0/8": {"city": {}}}
    )


def test_a_place_is_a_bag_of_what_is_known(places: Path) -> None:
    s = session(geo=places)
    addresses = [
        "20.53.203.50",
        "2001:db8::1",
        "10.0.0.1",
        "30.1.1.1",
        "no address",
        "",
        "::ffff:20.53.1.1",
        " 20.53.1.1 ",
    ]
    listed = ", ".join(f"{i}, '{a}'" for i, a in enumerate(addresses))
    found = rows(s, f"datatable(n:int, ip:string)[{listed}] | sort by n asc | project g = geo_info_from_ip_address(ip)")
    sydney = {
        "country": "Australia",
        "state": "New South Wales",
        "city": "Sydney",
        "latitude": -33.8715,
        "longitude": 151.2006,
    }
    assert [r["g"] and json.loads(r["g"]) for r in found][:6] == [
        sydney, {"country": "Norway", "latitude": 59.95}, None, None, None, None,
    ]  # fmt: skip
    assert json.loads(found[7]["g"]) == sydney
    path = "print c = tostring(geo_info_from_ip_address('20.53.203.50').country), n = geo_info_from_ip_address('x').country"
    assert rows(s, path) == [{"c": "Australia", "n": None}]


def test_the_places_of_a_lake(lake: Lake, places: Path) -> None:
    query = "print tostring(geo_info_from_ip_address('20.53.1.1').city)"
    assert codes(session(lake), query) == ["LU002"]
    places.parent.rename(lake.path / "geo")
    assert rows(session(lake), query) == [{"print_0": "Sydney"}]
    mmdb.write(lake.path / "geo" / "other.mmdb", {})
    assert codes(session(lake), query) == ["LU023"]


def test_what_is_no_file_of_places_is_told(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    query = "print geo_info_from_ip_address('20.53.1.1')"
    broken = file(tmp_path, "x.mmdb", "no such thing")
    asn = mmdb.write(tmp_path / "asn.mmdb", {"20.0.0.0/8": {"asn": 1}}, "GeoLite2-ASN")
    for path, words in ((broken, "not in MaxMind's format"), (asn, "GeoLite2-ASN, not of places")):
        with pytest.raises(Refused, match=words) as caught:
            session(geo=path).run(query)
        assert caught.value.kind == "denied"


def test_what_is_looked_up_does_not_set_the_time(lake: Lake) -> None:
    """--as-of latest is the newest event that the query asks for, not the newest signature that was looked up."""
    from lurcher.app.query import open_session
    from lurcher.kql.source import Source

    fill(lake, "DeviceFileEvents", {"Timestamp": "2026-01-02T00:00:00Z", "DeviceId": "d", "SHA1": A})
    fill(lake, "DeviceFileCertificateInfo", {**SIGNED, "SHA1": A, "Timestamp": "2026-01-20T00:00:00Z"})
    source = Source("DeviceFileEvents | invoke FileProfile()")
    assert open_session(lake, NOW, "latest", source=source).now == datetime(2026, 1, 2, tzinfo=UTC)
