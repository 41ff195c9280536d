"""Serializers, which turn values into what a backend stores, and back."""

from polycache.serializers.around import Lz4Serializer, SealedSerializer, SignedSerializer, ZstdSerializer
from polycache.serializers.base import BaseSerializer, KeyedSerializer
from polycache.serializers.json import JsonSerializer
from polycache.serializers.msgpack import MsgPackSerializer
from polycache.serializers.pickle import PickleSerializer
from polycache.serializers.plain import DefaultSerializer, NullSerializer, StringSerializer

__all__ = [
    "BaseSerializer",
    "DefaultSerializer",
    "JsonSerializer",
    "KeyedSerializer",
    "Lz4Serializer",
    "MsgPackSerializer",
    "NullSerializer",
    "PickleSerializer",
    "SealedSerializer",
    "SignedSerializer",
    "StringSerializer",
    "ZstdSerializer",
]
