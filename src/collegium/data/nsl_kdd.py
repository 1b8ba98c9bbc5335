"""Intrusion detection (NSL-KDD): which connections of a network are attacks.

25,192 connections to learn from (the 20 % file) and 22,544 that an evaluator keeps (Test+), with
attacks among them that nobody could learn. The traffic is of 1998 and not medical; it stands for
the network of a hospital's devices. There are no sites in it: what is called natural here is a
network segment by the service that is asked for, so that a segment sees few kinds of attack. The
column `difficulty` says how many learners failed on a row and is no feature.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.originals import read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Category, Feature, Schema, SiteRows, SourceFile, encode

NAME = "nsl_kdd"
ADDRESS = (
    "https://raw.githubusercontent.com/ddrogers/R-intrusion-detection-demo/"
    "3a2a6005ff0c27f805b4a6ad612e743cbb91c915/"
)
FILES = (
    SourceFile(
        "KDDTrain+_20Percent.txt",
        "5bf25df3ec1544eb3297b9a90b56736ba11e31f429df20e5aa0cfd49ca0fc896",
        ADDRESS + "KDDTrain%2B_20Percent.txt", 3_847_223,
    ),
    SourceFile(
        "KDDTest+.txt", "6ff4e09deee2c50c4877bbfe84f926dffafe3ef33d24f9dcfe0e425f4a8df5a2",
        ADDRESS + "KDDTest%2B.txt", 3_464_055,
    ),
)  # fmt: skip

SEGMENTS = {
    "files": "ftp ftp_data tftp_u uucp uucp_path printer sql_net",
    "mail": "smtp pop_2 pop_3 imap4 mtp",
    "messages": "eco_i ecr_i urp_i urh_i red_i tim_i",
    "names": "domain domain_u name hostnames netbios_dgm netbios_ns netbios_ssn ldap",
    "others": (
        "other Z39_50 IRC aol auth bgp courier csnet_ns ctf daytime discard echo efs gopher "
        "harvest iso_tsap link netstat nnsp nntp ntp_u pm_dump sunrpc systat time vmnet whois"
    ),
    "private": "private",
    "terminals": (
        "telnet login klogin ssh shell kshell exec finger rje remote_job supdup X11"
    ),
    "web": "http http_443 http_2784 http_8001",
}  # fmt: skip
"""The services of each network segment."""

SERVICES = tuple(sorted(" ".join(SEGMENTS.values()).split()))
FLAGS = ("OTH", "REJ", "RSTO", "RSTOS0", "RSTR", "S0", "S1", "S2", "S3", "SF", "SH")

_COLUMNS = """
    duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot
    num_failed_logins logged_in num_compromised root_shell su_attempted num_root
    num_file_creations num_shells num_access_files num_outbound_cmds is_host_login
    is_guest_login count srv_count serror_rate srv_serror_rate rerror_rate srv_rerror_rate
    same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count
    dst_host_same_srv_rate dst_host_diff_srv_rate dst_host_same_src_port_rate
    dst_host_srv_diff_host_rate dst_host_serror_rate dst_host_srv_serror_rate
    dst_host_rerror_rate dst_host_srv_rerror_rate label difficulty
"""
COLUMNS = tuple(_COLUMNS.split())
CODED = {"protocol_type": ("icmp", "tcp", "udp"), "service": SERVICES, "flag": FLAGS}
BINARY = ("land", "logged_in", "root_shell", "is_host_login", "is_guest_login")
COUNTS = (
    "duration", "src_bytes", "dst_bytes", "wrong_fragment", "urgent", "hot", "num_failed_logins",
    "num_compromised", "su_attempted", "num_root", "num_file_creations", "num_shells",
    "num_access_files", "count", "srv_count", "dst_host_count", "dst_host_srv_count",
)  # fmt: skip
"""Counts without an upper end enter as decimal logarithms of one more."""

NORMAL = "normal"


def _feature(name: str) -> Feature:
    words = name.replace("_", " ")
    if name in CODED:
        codes = tuple(Category(code, code) for code in CODED[name])
        return Feature(name, words, "categorical", categories=codes)
    if name in BINARY:
        return Feature(name, f"{words} (1 yes, 0 no)", "binary")
    if name in COUNTS:
        return Feature(f"log_{name}", f"log10(1 + {words})", "numeric", "log10", 1.0, 1.0)
    return Feature(name, f"{words} of the last connections", "numeric", "share", 0.0, 0.5)


SCHEMA = Schema(
    features=tuple(
        _feature(name)
        for name in COLUMNS
        if name not in ("num_outbound_cmds", "label", "difficulty")  # the first is always 0
    ),
    target="attack",
    task="binary",
    classes=(NORMAL, "attack"),
    positive="the connection is an attack",
)


@cache
def load() -> DataSetRows:
    """Return the connections to learn from by network segment, and those of Test+."""
    train, test = (read_original(NAME, NAME, file) for file in FILES)
    return rows_of(train, test)


def rows_of(train: bytes, test: bytes) -> DataSetRows:
    """Return the rows of two files; every connection counts as another person's."""
    learned, service = _parsed(train, "train", 0)
    unseen, _ = _parsed(test, "test-plus", len(learned.y))
    sites = []
    for name, services in SEGMENTS.items():
        own = np.isin(service, services.split())
        if own.any():
            rows = SiteRows(name, learned.x[own], learned.y[own], learned.person[own])
            sites.append(read_only(rows))
    return DataSetRows(tuple(sites), (read_only(unseen),))


def _parsed(data: bytes, name: str, first_person: int) -> tuple[SiteRows, NDArray[Any]]:
    table = np.array(list(csv.reader(data.decode("ascii").splitlines())))
    raw = {column: table[:, at] for at, column in enumerate(COLUMNS)}
    columns: dict[str, NDArray[Any]] = dict(raw)
    for column in BINARY:
        columns[column] = (raw[column].astype(np.float64) > 0).astype(np.float64)
    for column in COUNTS:
        columns[f"log_{column}"] = np.log10(1 + raw[column].astype(np.float64))
    y = (raw["label"] != NORMAL).astype(np.int64)
    rows = SiteRows(name, encode(SCHEMA, columns), y, first_person + np.arange(len(y)))
    return rows, raw["service"]


NSL_KDD = RegisteredDataSet(
    name=NAME,
    title="Network attacks (NSL-KDD)",
    schema=SCHEMA,
    license="free with citation (CIC)",
    citation=(
        "Tavallaee, M., Bagheri, E., Lu, W., & Ghorbani, A. (2009). A detailed analysis of the "
        "KDD CUP 99 data set. IEEE CISDA. Canadian Institute for Cybersecurity"
    ),
    url="https://www.unb.ca/cic/datasets/nsl.html",
    folder=NAME,
    files=FILES,
    sites=(
        ("files", 2089), ("mail", 1747), ("messages", 1655), ("names", 2435), ("others", 3378),
        ("private", 4351), ("terminals", 1420), ("web", 8117),
    ),
    unseen=(("test-plus", 22_544),),
    load=load,
    made_up="network segments by the service that is asked for",
)  # fmt: skip
"""As a study document names it: ``nsl_kdd``."""
