// A real OpenID provider (the certified oidc-provider), behind a gate that can lie, change its keys and be down.
import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';

export const CLIENT = { id: 'showrunner', secret: 'a-secret-of-the-client' };

const base64url = (value) => Buffer.from(value).toString('base64url');

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  return { privateKey, kid, jwk: { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}

/** An ID token with other claims, signed as the provider would. */
function resigned(token, key, lie) {
  const claims = lie(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')));
  const body = `${base64url(JSON.stringify({ alg: 'RS256', kid: key.kid, typ: 'JWT' }))}.${base64url(JSON.stringify(claims))}`;
  return `${body}.${sign('RSA-SHA256', Buffer.from(body), key.privateKey).toString('base64url')}`;
}

/** Starts the provider; `redirect` is where it may send browsers back to. Access tokens live for `seconds`. */
export async function startProvider({ redirect, seconds = 3600 }) {
  const { default: Provider } = await import('oidc-provider');
  const gate = createServer();
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const issuer = `http://127.0.0.1:${gate.address().port}`;
  const state = { key: null, port: 0, lie: null, mute: false, asked: [], inner: null };

  const start = async () => {
    state.inner?.close();
    state.inner?.closeAllConnections();
    state.key = newKey();
    const provider = new Provider(issuer, {
      clients: [{
        client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirect],
        grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
      }],
      jwks: { keys: [state.key.jwk] },
      cookies: { keys: ['a-key-for-the-tests'] },
      pkce: { required: () => true },
      claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
      conformIdTokenClaims: false,
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id, name: `${id[0].toUpperCase()}${id.slice(1)}`, email: `${id}@example.com`, email_verified: id !== 'unverified',
        }),
      }),
      ttl: { AccessToken: seconds, IdToken: 3600, RefreshToken: 86_400, Session: 86_400, Grant: 86_400, Interaction: 3600 },
      features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
    });
    provider.proxy = true;
    state.inner = createServer(provider.callback());
    state.inner.listen(0, '127.0.0.1');
    await once(state.inner, 'listening');
    state.port = state.inner.address().port;
  };

  gate.on('request', async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = request.url.split('?')[0];
    if (path === '/token') state.asked.push(new URLSearchParams(body.toString()).get('grant_type'));
    else if (path.startsWith('/token/')) state.asked.push(path);
    if (path === '/token' && state.mute) {
      request.socket.destroy();
      return;
    }
    const onward = httpRequest({
      port: state.port, host: '127.0.0.1', method: request.method, path: request.url,
      headers: { ...request.headers, 'x-forwarded-host': new URL(issuer).host, 'x-forwarded-proto': 'http' },
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
    const [answer] = await once(onward, 'response').catch(() => []);
    if (!answer) return;
    const parts = [];
    for await (const part of answer) parts.push(part);
    let text = Buffer.concat(parts);
    if (path === '/token' && state.lie && answer.statusCode === 200) {
      const tokens = JSON.parse(text);
      text = Buffer.from(JSON.stringify({ ...tokens, id_token: resigned(tokens.id_token, state.lie.key ?? state.key, state.lie.claims) }));
    }
    const headers = { ...answer.headers };
    delete headers['transfer-encoding'];
    response.writeHead(answer.statusCode, { ...headers, 'content-length': text.length });
    response.end(text);
  });

  await start();
  return {
    issuer,
    /** Grants and revocations that were asked for. */
    asked: () => [...state.asked],
    /** From now on ID tokens say what `claims` makes of them; with `foreign` somebody else signs them. `null`: the truth. */
    lie(claims, { foreign = false } = {}) {
      state.lie = claims && { claims, key: foreign ? { ...newKey(), kid: state.key.kid } : null };
    },
    /** Hangs up on whoever asks for a token. */
    mute(on) {
      state.mute = on;
    },
    /** A new key, and everything that was granted before is forgotten. */
    renew: start,
    /** Answers nobody until `up`. */
    async down() {
      const { port } = gate.address();
      gate.close();
      gate.closeAllConnections();
      return async () => {
        gate.listen(port, '127.0.0.1');
        await once(gate, 'listening');
      };
    },
    stop() {
      for (const server of [gate, state.inner]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}
