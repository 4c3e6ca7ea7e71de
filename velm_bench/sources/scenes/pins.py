"""The pinned fingerprints of the fixed splits, printed by `python -m velm_bench.sources.scenes.fingerprint`."""

from __future__ import annotations

PINS: dict[str, dict[str, str]] = {
    "train": {
        "captioning": "994f30b203ed2e3b3da360c2fbc8ee841539f369fc4be430f37c290d08a58148",
        "vqa": "a48a4d3671b8eea1c453fd6af2f1c6d821ca339e148366e521c7912b5aea1a06",
        "classification": "0e272fc1f1ab4ec97431243f90efc0958d0610dbef1a9726472f9281f1472d12",
        "ner": "2a046916676dec886a853e2c63d521cf1aa6c2cf4224b794b3c686d0eaae0c95",
    },
    "val": {
        "captioning": "68876664ba3a897f5c5ca72e09a9edb5c858dfd93bb0e03314396246509cecd5",
        "vqa": "6266ada742a2acd8b3ad79052192ba9805f881d8d3cc2a46c000ccd4f51de7c2",
        "classification": "d31b520fae80a059cfdf0ef7c5456642b6760a7773ec205355d869a34a731db5",
        "ner": "6a20261e03ad7a6099738d327a84df91a1970bad7a949b050cd44917a4d30c7d",
    },
    "test": {
        "captioning": "2af2f4d5340afb0931077ceae3fdccbe7429ef510884f0066418a48527ead12c",
        "vqa": "8f57c8928343c532975f870ea4de4fb276561591c8e693ae2d725651f77327f9",
        "classification": "4f8d5c1cf4e077598f2751614692182368c974a769428757bc7ca49ee71ba267",
        "ner": "f277d362164abe7bd5964c08b422142314dfbd0b4ba88cbac5eb97853a3af06e",
    },
    "test_novel": {
        "captioning": "d834f171a55060ef97916978a11fceb6c6f5b43c030bd9e451ab506641cae53d",
        "vqa": "bbeca749c1de9669118bd1fce5071c6607a6f640c3615f9fceb234cb2f6a2153",
        "classification": "d533080b0222918af2a9df1c79d69cc3b928530b6a6cd1f8f4f711416f93cc97",
        "ner": "f508ac1c247dee794c270efaba67e98bb02139527c4bb113ceae770d21de990a",
    },
    "test_more": {
        "captioning": "d8df3c64884baa6865805622fc95bcb3b4f409304727777e754bb2d503b3484d",
        "vqa": "627cd1bda48d263fd3aa5af00d8d456f5b28dacc53e75692f0547ad114de00c0",
        "classification": "80c20287a1c9750eeb4236828585340ee52a099bafee27c145d191a9d64fe6b0",
        "ner": "7d0134f0ed8caff18325acecf900fe266a2b5e84bf03a248f13f17beef5eeac5",
    },
    "lite": {
        "captioning": "1d6b139f06ead27dd225c661cbfacd4871ef38b54472204d318b51bed52b56f8",
        "vqa": "760cd7c7d3509a7de008003b2b24ed49f66abafa4eb92d40363549ca2395d064",
        "classification": "864176ce467b8d7b52d18a0630586d105bfc09d9394e9a4e12aa8db036274b22",
        "ner": "893723418238a599b26d6906291f58cec9adf479bf69cf401065fe2599cac538",
    },
}
"""Per split and kind of task, the SHA-256 over its samples' records and first pixels."""
