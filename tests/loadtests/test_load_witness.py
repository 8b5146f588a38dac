import threading

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker.link.address import parse
from broker.wire import codec, topics
from broker.wire import messages as m
from loadtests.errors import ServiceAnswer
from loadtests.stored import Witness, settle
from loadtests.witness import Tally


def report(seq, boot=7, device="d1"):
    return m.Telemetry(device=device, boot=boot, seq=seq, at_ms=seq, signals={"a": 1.0})


def test_a_tally_names_every_number_as_often_as_it_came():
    tally = Tally(7)
    for seq in (1, 2, 5, 3, 3, 3, 6):
        tally.add(codec.encode(report(seq)))

    said = tally.say()

    assert said.devices == {"d1": {7: [(1, 2), (3, 3), (3, 3), (3, 3), (5, 6)]}}
    assert (said.reordered, said.foreign) == (1, 0)


def test_a_tally_counts_the_samples_of_a_batch_and_sets_strangers_apart():
    tally = Tally(7)
    samples = [m.Sample(seq=n, at_ms=n, signals={}) for n in (1, 2)]
    tally.add(codec.encode(m.TelemetryBatch(device="d1", boot=7, samples=samples)))
    tally.add(codec.encode(report(1, boot=6)))
    tally.add(codec.encode(m.Will(device="d1", boot=7, seq=-1)))
    tally.add(b"\xff no message")

    said = tally.say()

    assert said.devices == {"d1": {7: [(1, 2)]}}
    assert said.foreign == 3


def test_the_witness_sees_what_a_broker_delivers_and_ends_with_its_parent(broker):
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert connected.wait(5)

    with Witness(parse(broker.url), boot=7) as witness:
        for seq in (1, 2, 2, 4):
            message = report(seq)
            sent = client.publish(topics.uplink("s1", message), codec.encode(message), qos=1)
            sent.wait_for_publish(5)
        want = {"d1": {7: [(1, 1), (2, 2), (2, 2), (4, 4)]}}
        reading = settle(witness, lambda r: r.devices == want, patience_s=5)
    client.disconnect()
    client.loop_stop()

    assert (reading.devices, reading.reordered) == (want, 0)
    assert witness._child.returncode == 0


def test_a_witness_that_died_is_named_with_its_status(broker):
    with Witness(parse(broker.url), boot=7) as witness:
        witness._child.kill()
        with pytest.raises(ServiceAnswer, match="the witness ended with status -9"):
            witness.read()
