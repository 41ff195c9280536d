"""Serializers, which turn values into what a backend stores, and back."""

from polycache.serializers.base import BaseSerializer
from polycache.serializers.json import JsonSerializer
from polycache.serializers.msgpack import MsgPackSerializer
from polycache.serializers.pickle import PickleSerializer
from polycache.serializers.plain import DefaultSerializer, NullSerializer, StringSerializer

__all__ = [
    "BaseSerializer",
    "DefaultSerializer",
    "JsonSerializer",
    "MsgPackSerializer",
    "NullSerializer",
    "PickleSerializer",
    "StringSerializer",
]
