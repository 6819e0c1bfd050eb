"""`auricle token`: makes tokens, and revokes them, beside a running service or without one."""

from datetime import datetime, timedelta
from typing import Annotated

import jwt
import typer

from auricle import clock
from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import WRONG_USE, Failure, print_json, stdout
from auricle.model.principal import Scope
from auricle.store.control import check_tenant
from auricle.store.database import open_database
from auricle.store.rules import read_expiry
from auricle.store.secret import token_secret
from auricle.store.token import LONGEST_ID, TokenStore

app = typer.Typer(no_args_is_help=True, help="Make and revoke tokens (JWT).")
LONGEST_LIFE = 3_650.0
Tenant = Annotated[str, typer.Option(help="Whose token it is.")]


@app.command()
def create(
    tenant: Tenant,
    scope: Annotated[list[Scope], typer.Option(help="What the token may do; repeat it for more.")],
    hours: Annotated[float, typer.Option(min=0, max=LONGEST_LIFE * 24, help="How long it lives.")] = 1.0,
    subject: Annotated[str | None, typer.Option(help="Whom it is for; rate limits and the audit log go by it.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a token, signed with the secret of the settings, or the one that the service made for itself."""
    check_tenant(tenant)
    settings = settings_of(data=data)
    secret = token_secret(settings)
    if secret is None:
        raise Failure("this service has no secret: its tokens come from whoever holds the keys of AURICLE_JWT_JWKS_URL")
    now = clock.now()
    claims = {
        "tenant_id": tenant,
        "scope": " ".join(scope),
        "iat": now,
        "exp": now + timedelta(hours=hours),
        "jti": clock.new_id(),
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode(claims, secret, "HS256")
    if json:
        print_json({"token": token, "jti": claims["jti"], "tenant": tenant, "expires_at": claims["exp"]})
        return
    console = stdout()
    console.print(token, markup=False, soft_wrap=True)
    console.print(
        f"  token {claims['jti']} of tenant {tenant}, until {claims['exp']:%Y-%m-%d %H:%M:%S} UTC", style="dim"
    )


@app.command()
def revoke(
    jti: Annotated[str, typer.Argument(metavar="JTI", help="The token's claim `jti`.")],
    tenant: Tenant,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="When it ends by itself, RFC 3339; remembered for ever without.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Revoke a token before its time."""
    check_tenant(tenant)
    if not 0 < len(jti) <= LONGEST_ID:
        raise Failure(f"JTI has 1 to {LONGEST_ID} characters", WRONG_USE)
    until: datetime | None = read_expiry(expires)
    engine = open_database(settings_of(data=data))
    try:
        if not TokenStore(engine).revoke(tenant, jti, until):
            raise Failure("this token was revoked already")
    finally:
        engine.dispose()
    if json:
        print_json({"jti": jti, "revoked": True})
    else:
        stdout().print(f"revoked {jti}", markup=False)
