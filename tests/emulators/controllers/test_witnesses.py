"""Programs of others understand the stand-ins: clients over real sockets, and a dissector.

What a client prints is compared with what the stand-in was called; none of our own readers is
asked.
"""

from __future__ import annotations

import asyncio
import ftplib
import logging
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support

from portbook.emulators.controllers import Device, Plate
from portbook.emulators.controllers.bacnet import Bacnet
from portbook.emulators.controllers.enip import Enip
from portbook.emulators.controllers.ftp import Ftp
from portbook.emulators.controllers.modbus import Modbus
from portbook.emulators.controllers.opcua import OpcUa
from portbook.emulators.controllers.optommp import OptoMmp
from portbook.emulators.controllers.running import Running, standing
from portbook.emulators.controllers.s7 import S7
from portbook.emulators.controllers.snmp import Snmp
from portbook.emulators.controllers.standing import Stand
from portbook.emulators.frames import Frame, Host, TcpTalk, pcap
from portbook.ports import Transport

HERE = "127.0.0.1"
TCP, UDP = Transport.TCP, Transport.UDP


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let libraries keep their word about expected refusals to themselves."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def asked(running: Running) -> dict[str, int]:
    return running.records()[0].asked


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name}, an independent client, is absent")


def test_pymodbus_reads_what_the_server_is() -> None:
    client = library("pymodbus.client")
    plate = Plate("line-3", "Example", "EX-100", "1.2.3", "SN7")
    with standing(Stand(Modbus(plate, registers=range(100)), HERE, 0)) as running:
        port = running.port(running.stands[0], TCP)
        with client.ModbusTcpClient(HERE, port=port) as one:
            told = one.read_device_information(read_code=3)
            assert {0: b"Example", 1: b"EX-100", 2: b"1.2.3", 6: b"line-3", 128: b"SN7"} == (
                told.information
            )
            assert [7, 8, 9] == one.read_holding_registers(7, count=3).registers
            assert [7, 8, 9] == one.read_input_registers(7, count=3).registers
            assert [True, False, True] == one.read_coils(7, count=3).bits[:3]
            assert [True] * 2 == one.read_discrete_inputs(7, count=3).bits[:3:2]
            assert 2 == one.read_holding_registers(99, count=2).exception_code
            assert b"Example-EX-100-1.2.3" == one.report_device_id().identifier
            for refused in (one.write_register(1, 1), one.write_coil(1, True)):
                assert 1 == refused.exception_code

    assert 1 == asked(running)["read device identification"]


def test_pymodbus_reads_long_texts_in_several_answers() -> None:
    client = library("pymodbus.client")
    plate = Plate(*("é" * 60 for _ in range(5)))
    found: dict[int, bytes] = {}
    first = 0
    with (
        standing(Stand(Modbus(plate), HERE, 0)) as running,
        client.ModbusTcpClient(HERE, port=running.port(running.stands[0], TCP)) as one,
    ):
        for _ in range(5):
            told = one.read_device_information(read_code=3, object_id=first)
            found |= told.information
            first = told.next_object_id
            if not told.more_follows:
                break

    assert {key: ("é" * 60).encode() for key in (0, 1, 2, 6, 128)} == found


def test_pycomm3_lists_and_reads_the_identity() -> None:
    pycomm3 = library("pycomm3")
    plate = Plate("", "Opto 22", "SNAP-PAC-R1", "10.3", "0x0011223E")
    with standing(Stand(Enip(plate, product_code=77), HERE, 0)) as running:
        where = f"{HERE}:{running.port(running.stands[0], TCP)}"
        listed = pycomm3.CIPDriver.list_identity(where)
        with pycomm3.CIPDriver(where) as plc:
            read = plc.get_module_info(0)  # in an unconnected send
            alone = plc.generic_message(
                service=b"\x0e",
                class_code=1,
                instance=1,
                attribute=7,
                connected=False,
                unconnected_send=False,
            )
            refused = plc.generic_message(
                service=b"\x10", class_code=1, instance=1, connected=False, unconnected_send=False
            )

    for told in (listed, read):
        assert ("OPTO 22", 77, "0011223e", "SNAP-PAC-R1") == (
            told["vendor"],
            told["product_code"],
            told["serial"],
            told["product_name"],
        )
        assert {"major": 10, "minor": 3} == told["revision"]
    assert HERE == listed["ip_address"]
    assert b"\x0bSNAP-PAC-R1" == alone.value
    assert "Service not supported" == refused.error
    assert 2 == asked(running)["RegisterSession"]


@pytest.mark.parametrize("largest_pdu", [480, 240])  # in one piece, and in two
def test_python_snap7_reads_order_number_and_names(largest_pdu: int) -> None:
    snap7 = library("snap7.client")
    plate = Plate("press-1", "Siemens", "CPU 317-2 PN/DP", "V3.3.14", "S C-B1U12345678")
    device = S7(plate, order="6ES7 317-2EK14-0AB0", largest_pdu=largest_pdu)
    with standing(Stand(device, HERE, 0)) as running:
        one = snap7.Client()
        one.connect(HERE, 0, 2, running.port(running.stands[0], TCP))
        info, order = one.get_cpu_info(), one.get_order_code()
        for refused in (
            lambda: one.db_read(1, 0, 4),
            lambda: one.db_write(1, 0, bytearray(4)),
            one.plc_stop,
            lambda: one.read_szl(0x0131, 3),
        ):
            with pytest.raises(Exception, match=r"0x81|0xd401"):
                refused()
        one.disconnect()

    assert b"press-1" == info.ASName
    assert b"CPU 317-2 PN/DP" == info.ModuleTypeName
    assert b"S C-B1U12345678" == info.SerialNumber
    assert b"6ES7 317-2EK14-0AB0" == order.OrderCode.strip()
    assert (3, 3, 14) == (order.V1, order.V2, order.V3)


@pytest.mark.parametrize("version", [0, 1])
def test_pysnmp_walks_the_system_group(version: int) -> None:
    api = library("pysnmp.hlapi.v3arch.asyncio")

    async def walk(port: int) -> tuple[dict[str, str], list[str]]:
        engine, community = api.SnmpEngine(), api.CommunityData("plant", mpModel=version)
        target = await api.UdpTransportTarget.create((HERE, port), timeout=5, retries=0)

        def of(name: str, *value: object) -> Any:
            return api.ObjectType(api.ObjectIdentity(name), *value)

        common = engine, community, target, api.ContextData()
        found = {}
        group = of("1.3.6.1.2.1.1")
        if version:
            rows = api.bulk_walk_cmd(*common, 0, 3, group, lookupMib=False)
        else:
            rows = api.walk_cmd(*common, group, lookupMib=False)
        async for error, status, _, bound in rows:
            assert not error
            assert not int(status)
            found |= {str(name): value.prettyPrint() for name, value in bound}
        refused = []
        for answer in (
            await api.get_cmd(*common, of("1.3.6.1.2.1.1.9.0"), lookupMib=False),
            await api.set_cmd(
                *common, of("1.3.6.1.2.1.1.5.0", api.OctetString("x")), lookupMib=False
            ),
        ):
            assert not answer[0]
            status = answer[1].prettyPrint() if answer[1] else type(answer[3][0][1]).__name__
            refused.append(status)
        engine.close_dispatcher()
        return found, refused

    plate = Plate("gw-1", "Opto 22", "SNAP-PAC-R1", "R10.3c")
    agent = Snmp(plate, community="plant", contact="nobody", location="hall 4")
    with standing(Stand(agent, HERE, 0)) as running:
        found, refused = asyncio.run(walk(running.port(running.stands[0], UDP)))

    uptime = found.pop("1.3.6.1.2.1.1.3.0")
    assert 0 <= int(uptime) < 6000
    assert {
        "1.3.6.1.2.1.1.1.0": "Opto 22 SNAP-PAC-R1 R10.3c",
        "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.4473.1",
        "1.3.6.1.2.1.1.4.0": "nobody",
        "1.3.6.1.2.1.1.5.0": "gw-1",
        "1.3.6.1.2.1.1.6.0": "hall 4",
        "1.3.6.1.2.1.1.7.0": "72",
    } == found
    assert [["noSuchName", "readOnly"], ["NoSuchObject", "notWritable"]][version] == refused


def test_bacpypes3_finds_the_device_and_reads_it() -> None:
    library("bacpypes3")
    from bacpypes3.apdu import ErrorRejectAbortNack
    from bacpypes3.ipv4.app import NormalApplication
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.pdu import Address, IPv4Address

    async def ask(port: int) -> tuple[list[Any], dict[str, Any], list[str]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.2", 0))
            own = free.getsockname()[1]
        here = DeviceObject(objectIdentifier=("device", 1), objectName="t", vendorIdentifier=999)
        app = NormalApplication(here, IPv4Address(f"127.0.0.2/32:{own}"))
        device = Address(f"{HERE}:{port}")
        found = await asyncio.wait_for(app.who_is(address=device), 10)
        wanted = "object-name vendor-name model-name firmware-revision serial-number object-list"
        wanted += " vendor-identifier protocol-services-supported segmentation-supported"
        told = {}
        for name in wanted.split():
            told[name] = await asyncio.wait_for(app.read_property(device, "device,2401", name), 10)
        refused = []
        for act in (
            app.read_property(device, "device,2401", "location"),
            app.read_property(device, "device,9", "object-name"),
            app.write_property(device, "device,2401", "description", "x"),
        ):
            try:
                await asyncio.wait_for(act, 10)
            except ErrorRejectAbortNack as error:
                refused.append(str(error))
        app.close()
        return found, told, refused

    plate = Plate("boiler", "Example", "EX-8", "2.1", "SN-8")
    with standing(Stand(Bacnet(plate, instance=2401, vendor_id=24), HERE, 0)) as running:
        found, told, refused = asyncio.run(ask(running.port(running.stands[0], UDP)))

    (i_am,) = found
    assert (2401, 24, 480) == (
        i_am.iAmDeviceIdentifier[1],
        i_am.vendorID,
        i_am.maxAPDULengthAccepted,
    )
    assert ["boiler", "Example", "EX-8", "2.1", "SN-8"] == [str(one) for one in told.values()][:5]
    assert [2401] == [number for _, number in told["object-list"]]
    assert 24 == told["vendor-identifier"]
    assert "read-property;who-is" == str(told["protocol-services-supported"])
    assert ["unknown-property", "unknown-object", "unrecognized-service"] == [
        one.rsplit(" ", 1)[-1] for one in refused
    ]


def test_asyncua_lists_endpoints_and_servers() -> None:
    library("asyncua")
    from asyncua import Client, ua

    async def ask(url: str) -> tuple[Any, Any]:
        endpoints = await Client(url).connect_and_get_server_endpoints()
        servers = await Client(url).connect_and_find_servers()
        with pytest.raises(ua.UaStatusCodeError) as refused:
            await Client(url).connect()
        assert ua.StatusCodes.BadServiceUnsupported == refused.value.code
        return endpoints, servers

    device = OpcUa(Plate("line-2", "Example", "EX-9"))
    with standing(Stand(device, HERE, 0)):
        (endpoint,), (server,) = asyncio.run(ask(device.url))

    assert device.url == endpoint.EndpointUrl
    assert ua.MessageSecurityMode.None_ == endpoint.SecurityMode
    for told in (endpoint.Server, server):
        assert ("line-2", "urn:Example:EX-9") == (told.ApplicationName.Text, told.ProductUri)
        assert [device.url] == told.DiscoveryUrls


def test_ftplib_is_greeted_and_not_let_in() -> None:
    with standing(Stand(Ftp(Plate("gw-1", "Example", "EX", "1.0")), HERE, 0)) as running:
        one = ftplib.FTP(timeout=10)
        greeting = one.connect(HERE, running.port(running.stands[0], TCP))
        with pytest.raises(ftplib.error_perm, match="530 Login incorrect"):
            one.login("somebody", "secret")
        system = one.sendcmd("SYST")
        with pytest.raises(ftplib.error_perm, match="530 Please log in"):
            one.nlst()
        one.quit()

    assert "220 gw-1 FTP server (Example EX 1.0) ready." == greeting
    assert "215 UNIX Type: L8" == system
    assert "secret" not in repr(running.records())
    assert "somebody" not in repr(running.records())


CLIENT, SERVER = Host("10.0.0.5", "02:00:00:00:00:05"), Host("10.0.0.9", "02:00:00:00:00:09")
LISTS = "03000021 02f08032 07000001 00000800 08000112 04114401 00ff0900 04{}0000"


def dialogue(device: Device, port: int, *questions: str, udp: bool = False) -> list[Frame]:
    """Return the frames of a talk with a stand-in, whose answers are what it says."""
    device.placed(SERVER.address, 24, {TCP: port, UDP: port})
    messages = [bytes.fromhex(one.replace(" ", "")) for one in questions]
    if udp:
        frames = []
        for number, message in enumerate(messages):
            frames.append(Frame(2 * number, CLIENT.datagram(50000, SERVER, port, message)))
            (sent,) = device.datagram(message, 0)
            answer = SERVER.datagram(port, CLIENT, 50000, sent.octets)
            frames.append(Frame(2 * number + 1, answer))
        return frames
    session = device.session(0)
    talk = TcpTalk(CLIENT, 50000, SERVER, port)
    if greeting := session.begin(0):
        talk.to_client(greeting)
    for message in messages:
        talk.to_server(message).to_client(session.receive(message, 0))
    return talk.close()


def hello(session: int = 0) -> str:
    return f"6500 0400 {session:08x} 00000000 0000000000000000 00000000 01000000"


CIP = (
    "6f00 1600 00020213 00000000 0000000000000000 00000000"
    "00000000 0000 0200 0000 0000 b200 0600 0102 2001 2401"
)
OPEN = (
    "4f504e46 84000000 00000000 2f000000 687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f"
    "5365637572697479506f6c696379234e6f6e65 ffffffff ffffffff 01000000 01000000 0100be01 0000"
    "3c7d0c5c2bca0101 00000000 ff030000 ffffffff 00000000 000000 00000000 00000000 01000000"
    "00000000 808d5b00"
)
ENDPOINTS = (
    "4d534746 45000000 01000000 01000000 02000000 02000000 0100ac01 0000 3c7d0c5c2bca0101"
    "00000000 ff030000 ffffffff 00000000 000000 00000000 00000000 00000000"
)


@support.needs_tshark
@pytest.mark.parametrize(
    ("device", "port", "questions", "udp", "decode", "wanted"),
    [
        (
            Modbus(Plate("", "Example", "EX-1", "1.0", "")),
            502,
            ("000100000005012b0e0300", "0002000000060103000a0002", "00030000000601060001ffff"),
            False,
            "tcp.port==502,mbtcp",
            {"modbus.object_str_value": ["Example", "EX-1", "1.0"], "modbus.exception_code": ["1"]},
        ),
        (
            OptoMmp(Plate(product="SNAP-PAC-S1", version="R9.5b")),
            2001,
            (
                "000004400000fffff0300004",
                "000008500000fffff030000000400000",
                "00000c400000fffff0d81000",
                "000010500000fffff030008000200000",
            ),
            False,
            "tcp.port==2001,optommp",
            {"optommp.rcode": ["0x04"]},
        ),
        (
            Enip(Plate("", "1", "1756-ENBT/A", "4.3", "0x00524D8E")),
            44818,
            ("63000000" + "00" * 20, "04000000" + "00" * 20, hello(), CIP),
            False,
            "tcp.port==44818,enip",
            {"enip.lir.name": ["1756-ENBT/A"], "cip.id.product_name": ["1756-ENBT/A"]},
        ),
        (
            S7(Plate("press-1", "Siemens", "CPU 1", "V3.2.6", "SN")),
            102,
            (
                "0300001611e00000000100c0010ac1020100c2020101",
                "0300001902f08032010000000000080000f0000001000101e0",
                LISTS.format("0011"),
                LISTS.format("001c"),
            ),
            False,
            None,
            {"s7comm.szl.001c.0001.name": ["press-1"]},
        ),
        (
            OpcUa(Plate("line-2", "Example", "EX-9")),
            4840,
            (
                "48454c46 21000000 00000000 00000100 00000100 00000000 00000000 01000000 78",
                OPEN,
                ENDPOINTS,
            ),
            False,
            None,
            {"opcua.ProductUri": ["urn:Example:EX-9"], "opcua.EndpointUrl": None},
        ),
        (
            Bacnet(Plate("boiler", "Example", "EX-8", "2.1", "SN-8"), instance=2401),
            47808,
            ("810b000c0120ffff00ff1008", "810a0011010402050 10c0c023fffff1979".replace(" ", "")),
            True,
            None,
            {"bacapp.instance_number": None, "": ["vendor-name: UTF-8 'Example'"]},
        ),
        (
            Snmp(Plate("gw", "Opto 22", "SNAP", "R1")),
            161,
            (
                "302802010104067075626c6963a01b02030458aa020100020100300e300c06082b06010201010100"
                "0500",
            ),
            True,
            None,
            {"snmp.value.octets": [b"Opto 22 SNAP R1".hex()]},
        ),
        (
            Ftp(Plate("gw", "Example", "EX", "1")),
            21,
            ("555345522061 0d0a", "50415353 2062 0d0a", "515549540d0a"),
            False,
            None,
            {"ftp.response.code": ["220", "331", "530", "221"]},
        ),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Device) else "",
)
def test_a_dissector_finds_no_fault(
    tmp_path: Path,
    device: Device,
    port: int,
    questions: tuple[str, ...],
    udp: bool,
    decode: str | None,
    wanted: dict[str, list[str] | None],
) -> None:
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(dialogue(device, port, *questions, udp=udp)))

    def fields(*names: str) -> list[list[str]]:
        command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
        command += ["-d", decode] if decode else []
        command += [word for name in names for word in ("-e", name)]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def verbose() -> str:
        command = ["tshark", "-n", "-r", str(path), "-V"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
        return done.stdout

    assert 0 == device.tally.strange
    trouble = [row for row in fields("_ws.malformed", "_ws.expert.message") if row[0]]
    assert [] == trouble
    for name, values in wanted.items():
        rows = fields(name) if name else ((line,) for line in verbose().splitlines())
        seen = [one.strip() for row in rows for one in row[0].split(",") if one]
        assert values or seen, name
        if values:
            assert values == [one for one in seen if one in values], seen
