"""Who may do what: `--require-token T` and `--deny TOKEN=BUCKET_PREFIX[:verbs]`."""

from .errors import ApiError

VERBS = ("get", "list", "create", "update", "delete")
GROUPS = {"read": ("get", "list"), "write": ("create", "update", "delete"), "all": VERBS}


class Access:
    def __init__(self, tokens=(), denials=()):
        self.tokens = set(tokens)
        self.denials = [self._parse(text) for text in denials]

    @staticmethod
    def _parse(text):
        token, _, rest = text.partition("=")
        prefix, _, verbs = rest.partition(":")
        wanted = set()
        for verb in (verbs or "all").split(","):
            if verb not in VERBS and verb not in GROUPS:
                raise SystemExit(f"--deny: '{verb}' is none of {', '.join([*VERBS, *GROUPS])}")
            wanted.update(GROUPS.get(verb, (verb,)))
        return token, prefix, wanted

    def caller(self, authorization):
        """The caller of a request; raises 401 where a token is needed."""
        token = None
        if authorization:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise unauthorized()
            token = token.strip() or None  # object_store with `disable_oauth` sends an empty one
        if self.tokens and token not in self.tokens:
            raise unauthorized()
        return Caller(self, token)


class Caller:
    def __init__(self, access, token):
        self.access, self.token = access, token

    def may(self, bucket, verb):
        return not any(
            token == self.token and bucket.startswith(prefix) and verb in verbs
            for token, prefix, verbs in self.access.denials
        )

    def require(self, bucket, verb, name=None):
        """NAME: the call is about an object (or all of a bucket's, ''), not about the bucket itself."""
        if self.may(bucket, verb):
            return
        kind, thing = ("buckets", "bucket") if name is None else ("objects", "object")
        permission = f"storage.{kind}.{verb}"
        raise ApiError(
            403,
            f"Caller does not have {permission} access to the Google Cloud Storage {thing}. "
            f"Permission '{permission}' denied on resource (or it may not exist).",
        )


def unauthorized():
    return ApiError(
        401,
        "Invalid Credentials",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
        location=("header", "Authorization"),
    )
