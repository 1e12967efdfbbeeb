"""Which addresses are of the internet."""

import ipaddress

import pytest

from importexport.net.addresses import is_public

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.1.2.3",
    "64:ff9b::10.1.2.3",
    "64:ff9b:1::1",
    "2002:0a01:0203::1",
    "2001:0:c0a8:101::1",
    "2001:0:808:808:0:ffff:f5fe:fdfc",
    "2002:808:808::1",
    "3fff::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_internet_is_refused(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700:4700::1111"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))
