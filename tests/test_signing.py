"""What we sign: with a hash that is not broken, each purpose by itself, with secrets that may be changed."""

import pytest
from itsdangerous import BadSignature, URLSafeSerializer

from ticketflow.signing import signer, timed_signer

OLD, NEW = "an old secret of thirty-two letters", "a new secret of thirty-two letters!"


def test_what_sha_1_has_signed_is_not_ours():
    with pytest.raises(BadSignature):
        signer([NEW], "links").loads(URLSafeSerializer(NEW, salt="links").dumps("x"))


def test_one_purpose_does_not_open_another():
    with pytest.raises(BadSignature):
        signer([NEW], "links").loads(signer([NEW], "devices").dumps("x"))


@pytest.mark.parametrize("make", [signer, timed_signer])
def test_a_secret_that_was_the_newest_is_still_read_until_it_goes(make):
    said = make([OLD], "links").dumps("x")
    assert make([NEW, OLD], "links").loads(said) == "x"
    assert make([NEW, OLD], "links").dumps("x") != said
    with pytest.raises(BadSignature):
        make([NEW], "links").loads(said)
