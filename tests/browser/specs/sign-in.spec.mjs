// Signing in: by name on this machine, and by a real OpenID provider that lies, changes its keys, withdraws and is down.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { launchBrowser, PHONE, PROJECTOR, SCHEMES } from '../lib/browser.mjs';
import { CLIENT, startProvider } from '../lib/provider.mjs';
import { startServer, until } from '../lib/server.mjs';
import { useShow } from '../lib/show.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });

describe('signing in by name', () => {
  const show = useShow({ from: '2017-07-28' });
  const { open, go, close } = show;

  for (const javaScript of [true, false]) {
    it(`leads back to where one was going, with JavaScript ${javaScript ? 'on' : 'off'}`, async () => {
      const page = await show.browser.newPage({ origin: show.server.url, role: null, javaScript });
      await page.goto('/report?country=Germany');
      assert.match(page.url(), /\/sign-in\?next=%2Freport%3Fcountry%3DGermany$/);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await button(page, 'Presenter').click();
      await page.waitForURL('**/report?country=Germany');
      await page.getByRole('heading', { level: 1 }).waitFor();
      // The way out.
      await page.locator('details.menu > summary').click();
      await button(page, 'Sign out').click();
      await page.waitForURL('**/sign-in');
      await page.goto('/');
      await page.waitForURL('**/sign-in');
      await close(page);
    });
  }

  it('says on the page that the session is over, keeps it, and comes back to it', async () => {
    const page = await open('/lake/silver.sessions', { role: 'presenter', expected: [/401|Unauthorized/] });
    const other = await open('/?step=1.2', { role: 'presenter', expected: [/401|Unauthorized/] });
    await other.locator('details.menu > summary').click();
    await button(other, 'Sign out everywhere').click();
    await other.waitForURL('**/sign-in');
    // The next news finds nobody signed in, and the stream of news ends with the session.
    const admin = await open('/', { role: 'admin' });
    await admin.getByRole('button', { name: 'Freeze' }).click();
    const over = page.getByRole('alert').filter({ hasText: 'Your session has ended.' });
    await over.waitFor();
    await page.getByRole('heading', { name: 'silver.sessions' }).waitFor();
    await page.picture('session-over');
    await over.getByRole('link', { name: 'Sign in again' }).click();
    await button(page, 'Presenter').click();
    await page.waitForURL('**/lake/silver.sessions');
    await admin.getByRole('button', { name: 'Freeze' }).click();
    for (const each of [page, other, admin]) await close(each);
  });

  it('shows each role what is theirs', async () => {
    const viewer = await open('/report', { role: 'viewer', expected: [/403/] });
    await viewer.getByRole('heading', { level: 1 }).first().waitFor();
    await go(viewer, '/runs');
    await viewer.getByText('You are signed in as viewer, who may not see runs, buckets, resets and stories.').waitFor();
    await close(viewer);
    const customer = await open('/report', { role: 'customer', expected: [/403/] });
    await customer.getByText('You are signed in as a customer, who only delivers files.').waitFor();
    assert.deepEqual(await customer.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents(), ['Upload']);
    assert.equal(await customer.getByRole('banner').getByRole('link', { name: 'Reset…' }).count(), 0);
    await customer.picture('customer-elsewhere');
    await close(customer);
  });

  it('shows people, the audience’s link and what anybody did', async () => {
    const page = await open('/');
    await page.locator('details.menu > summary').click();
    await page.getByRole('link', { name: 'People and audit trail' }).click();
    await page.getByRole('heading', { name: 'People', level: 1 }).waitFor();
    assert.equal(await button(page, 'Sign out').isVisible(), false, 'the menu closes behind whoever went somewhere');
    const link = (await page.getByRole('region', { name: 'Audience link' }).locator('.mono').textContent()).trim();
    const screen = await show.browser.newPage({ origin: show.server.url, role: null });
    await screen.goto(link);
    await screen.waitForURL('**/audience');
    await page.goto('/people');
    await page.getByRole('row', { name: /audience this machine/ }).first().waitFor();
    const trail = page.getByRole('region', { name: 'Audit trail' });
    await trail.getByRole('row', { name: /presenter .*sign_.?in/ }).first().waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'All of it as CSV' }).click()]);
    assert.equal(file.suggestedFilename(), 'audit.csv');
    await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await button(page, 'Make another').click();
    await until('the link is another', async () => (await page.getByRole('region', { name: 'Audience link' }).locator('.mono').textContent()).trim() !== link);
    await page.picture('people');
    await close(page);
    await screen.goto('/audience');
    await screen.waitForURL('**/sign-in**');
    await close(screen);
  });

  it('looks right at every size', async () => {
    for (const [size, viewport] of Object.entries({ projector: PROJECTOR, phone: PHONE })) {
      for (const colorScheme of SCHEMES) {
        const page = await show.browser.newPage({ origin: show.server.url, role: null, viewport, colorScheme });
        await page.goto('/sign-in');
        await page.picture(`sign-in-${size}-${colorScheme}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.ok(!wide, `sign-in is wider than ${size}`);
        await close(page);
        const people = await open('/people', { viewport, colorScheme });
        await people.locator('details.menu > summary').click();
        await people.picture(`people-${size}-${colorScheme}`);
        await close(people);
      }
    }
  });
});

/** A port that is free now. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// Node's own WebCrypto is what the provider signs with.
const TOO_OLD = Number(process.versions.node.split('.')[0]) < 20 && 'left out: oidc-provider needs Node 20';

describe('signing in by a provider', { skip: TOO_OLD }, () => {
  let server;
  let provider;
  let browser;
  // The provider's own pages are not ours to judge.
  const expected = [/request to another host/, /fonts|ERR_/, /console error/, /HTTP 40[13]/];

  before(async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    provider = await startProvider({ redirect: `${origin}/sign-in/callback`, seconds: 60 });
    server = await startServer({
      addr: `127.0.0.1:${port}`,
      env: {
        SHOWRUNNER_OIDC_ISSUER: provider.issuer,
        SHOWRUNNER_OIDC_CLIENT_ID: CLIENT.id,
        SHOWRUNNER_OIDC_CLIENT_SECRET: CLIENT.secret,
        SHOWRUNNER_PUBLIC_URL: origin,
        SHOWRUNNER_ADMINS: 'ada@example.com',
      },
    });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    provider?.stop();
  });

  const newPage = async () => {
    const page = await browser.newPage({ origin: server.url, role: null, expected });
    page.setDefaultTimeout(10_000);
    return page;
  };

  /** From the sign-in page through the provider's own pages, as far as it goes. */
  async function signIn(page, login, next = '/') {
    await page.goto(next);
    await page.getByRole('link', { name: 'Sign in with 127.0.0.1' }).click();
    if (await page.getByPlaceholder('Enter any login').count()) {
      await page.getByPlaceholder('Enter any login').fill(login);
      await page.getByPlaceholder('and password').fill('anything');
      await page.getByRole('button', { name: 'Sign-in' }).click();
    }
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${server.url}/**`);
  }

  const refusal = (page) => page.locator('.note.bad').textContent();

  it('lets an admin in, who gives a role to whom nobody knows yet', async () => {
    const ada = await newPage();
    await signIn(ada, 'ada', '/people');
    assert.equal(new URL(ada.url()).pathname, '/people');
    await ada.getByRole('row', { name: /Ada \(you\) ada@example\.com/ }).waitFor();

    const bob = await newPage();
    await signIn(bob, 'bob', '/report?country=Germany');
    assert.equal(new URL(bob.url()).search, '?country=Germany');
    await bob.getByText('No admin has given you a role yet.').waitFor();

    await ada.reload();
    await ada.waitForSelector('html[data-hydrated]', { state: 'attached' });
    await ada.getByLabel('Role of Bob').selectOption('viewer');
    await ada.getByRole('row', { name: /Bob/ }).getByRole('button', { name: 'Set' }).click();
    await until('the role is there', async () => {
      await bob.reload();
      return (await bob.getByText('No admin has given you a role yet.').count()) === 0;
    });
    await bob.goto('/runs');
    await bob.getByText('You are signed in as viewer').waitFor();

    // Nobody takes the last admin away.
    await ada.getByLabel('Role of Ada').selectOption('viewer');
    await ada.getByRole('row', { name: /Ada/ }).first().getByRole('button', { name: 'Set' }).click();
    await ada.getByText('Then nobody would be an admin.').waitFor();
    await ada.picture('people-provider');

    // Tokens are nowhere in the open: sealed in the database, in no log and on no page.
    assert.doesNotMatch(server.log(), /a-secret-of-the-client|eyJ/);
    for (const page of [ada, bob]) await page.context().close();
  });

  it('renews tokens before they expire, and ends with what the provider withdrew', async () => {
    const page = await newPage();
    await signIn(page, 'ada');
    // They live for a minute, so each look renews them.
    await until('tokens are renewed', async () => {
      await page.goto('/lake');
      return provider.asked().includes('refresh_token');
    });
    assert.equal(new URL(page.url()).pathname, '/lake', 'nothing is seen of it');
    await provider.renew();
    await until('the session is over', async () => {
      await page.goto('/lake');
      return new URL(page.url()).pathname === '/sign-in';
    });
    // The provider has another key by now, which is asked for.
    await signIn(page, 'ada', '/sql?q=SELECT+1');
    assert.equal(new URL(page.url()).pathname, '/sql');
    await page.locator('details.menu > summary').click();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.waitForURL('**/sign-in');
    assert.ok(provider.asked().some((path) => path.startsWith('/token/revocation')), 'the provider forgets the tokens, too');
    await page.context().close();
  });

  const now = () => Math.floor(Date.now() / 1000);
  const lies = [
    ['another nonce', (claims) => ({ ...claims, nonce: 'x' }), /it belongs to another sign-in/],
    ['another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' }), /issued by somebody else/],
    ['another audience', (claims) => ({ ...claims, aud: 'somebody' }), /made for somebody else/],
    ['an expired token', (claims) => ({ ...claims, iat: now() - 1200, exp: now() - 600 }), /it is not valid now/],
    ['a token of the future', (claims) => ({ ...claims, iat: now() + 600, exp: now() + 1200 }), /it is not valid now/],
    ['somebody else’s signature', (claims) => claims, /its signature is wrong/, { foreign: true }],
  ];
  for (const [what, lie, words, how] of lies) {
    it(`is not fooled by ${what}`, async () => {
      const page = await newPage();
      provider.lie(lie, how);
      try {
        await signIn(page, 'ada');
        assert.match(await refusal(page), words);
        await page.goto('/');
        assert.equal(new URL(page.url()).pathname, '/sign-in', 'nobody is signed in');
      } finally {
        provider.lie(null);
      }
      await page.context().close();
    });
  }

  it('forgives clocks that differ by half a minute', async () => {
    for (const claims of [(c) => ({ ...c, iat: now() - 630, exp: now() - 30 }), (c) => ({ ...c, iat: now() + 30, exp: now() + 630 })]) {
      const page = await newPage();
      provider.lie(claims);
      await signIn(page, 'ada', '/lake');
      provider.lie(null);
      assert.equal(new URL(page.url()).pathname, '/lake');
      await page.context().close();
    }
  });

  it('takes no code twice, and no state but its own', async () => {
    const page = await newPage();
    let callback;
    page.on('request', (request) => {
      if (request.url().includes('/sign-in/callback')) callback = request.url();
    });
    await signIn(page, 'ada', '/lake');
    await page.goto(callback);
    assert.match(await refusal(page), /not begun in this browser, or is over already/);
    // A code of before with a state of now: the provider refuses it.
    const fresh = await newPage();
    await fresh.goto('/sign-in');
    const [request] = await Promise.all([
      fresh.waitForRequest((asked) => asked.url().startsWith(`${provider.issuer}/auth`)),
      fresh.getByRole('link', { name: 'Sign in with 127.0.0.1' }).click(),
    ]);
    const state = new URL(request.url()).searchParams.get('state');
    assert.equal(new URL(request.url()).searchParams.get('code_challenge_method'), 'S256');
    const replayed = new URL(callback);
    replayed.searchParams.set('state', state);
    await fresh.goto(replayed.toString());
    assert.match(await refusal(fresh), /does not accept this code/);
    const other = await newPage();
    await other.goto('/sign-in');
    const [begun] = await Promise.all([
      other.waitForRequest((asked) => asked.url().startsWith(`${provider.issuer}/auth`)),
      other.getByRole('link', { name: 'Sign in with 127.0.0.1' }).click(),
    ]);
    const own = new URL(begun.url()).searchParams.get('state');
    const kept = await other.context().cookies(server.url);
    await other.goto(`${server.url}/sign-in/callback?code=x&state=wrong`);
    assert.match(await refusal(other), /not begun in this browser/);
    // Nor is what it brought back of use to whoever kept its cookie.
    await other.context().addCookies(kept);
    await other.goto(`${server.url}/sign-in/callback?code=x&state=${own}`);
    assert.match(await refusal(other), /not begun in this browser, or is over already/);
    for (const each of [page, fresh, other]) await each.context().close();
  });

  it('says so when the provider is down, and the show goes on for who is signed in', async () => {
    const ada = await newPage();
    await signIn(ada, 'ada', '/lake');
    const up = await provider.down();
    try {
      await ada.goto('/lake');
      await ada.goto('/lake');
      assert.equal(new URL(ada.url()).pathname, '/lake');
    } finally {
      await up();
    }
    // It goes away when the browser is back already, and the code is still to be exchanged.
    const page = await newPage();
    provider.mute(true);
    await signIn(page, 'ada', '/lake');
    provider.mute(false);
    assert.match(await refusal(page), /did not answer/);
    await signIn(page, 'ada', '/lake');
    assert.equal(new URL(page.url()).pathname, '/lake', 'and it works again');
    for (const each of [ada, page]) await each.context().close();
  });

  it('knows nobody by name any more', async () => {
    const answer = await fetch(`${server.url}/sign-in`, {
      method: 'POST', body: new URLSearchParams({ role: 'admin' }), headers: { origin: server.url }, redirect: 'manual',
    });
    assert.match(answer.headers.get('location'), /__err=/);
    assert.deepEqual(answer.headers.getSetCookie(), []);
  });
});
