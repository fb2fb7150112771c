// Sessions: specs are signed in as an admin unless they say who they are.

const known = new Map();

/** The session's cookie, `{ name, value }`, of somebody who chose the role: 'admin', 'presenter', 'viewer' or 'customer'. */
export async function session(origin, role = 'admin') {
  const key = `${origin} ${role}`;
  const before = known.get(key);
  // Another server, on another data folder, may answer at the address by now.
  if (before && (await fetch(`${origin}/api/shell`, { headers: { cookie: `${before.name}=${before.value}` } })).ok) return before;
  const answer = await fetch(`${origin}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ role, customer: role === 'customer' ? 'customer01' : '' }),
    headers: { origin },
    redirect: 'manual',
  });
  const [, name, value] = /^([^=]+)=([^;]+)/.exec(answer.headers.getSetCookie()[0] ?? '') ?? [];
  if (!value) throw new Error(`signing in as ${role} gave no cookie: ${answer.status} ${await answer.text()}`);
  known.set(key, { name, value });
  return { name, value };
}

/** As fetch, signed in. */
export async function ask(address, { role, headers = {}, ...options } = {}) {
  const { origin } = new URL(address);
  const { name, value } = await session(origin, role);
  const cookie = [`${name}=${value}`, headers.cookie].filter(Boolean).join('; ');
  return fetch(address, { ...options, headers: { ...headers, cookie } });
}
