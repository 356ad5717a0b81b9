// A client of Rabta in one file: typed answers, a session that renews itself, refusals as values, pages as a loop,
// and subscriptions that go on where they were cut off.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { Refresh, SignIn } from './documents.js';

/** What a mutation says when it changes nothing: one of these for each thing that is wrong. */
export type Refusal = { __typename: string; code: string; message: string; path?: readonly string[] | null };

/** A mutation that was refused. The form that sent it shows these beside its fields. */
export class Refused extends Error {
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ path, message }) => `${path?.join('.') ?? ''} ${message}`.trim()).join('; '));
    this.refusals = refusals;
  }
}

/** A request that failed as a whole, or one of whose fields did. `code` is stable, `traceId` is in the server's log. */
export class Failed extends Error {
  readonly code: string;
  readonly traceId: string;
  /** When to try again, if that is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor({ message, extensions }: ServerError) {
    super(message);
    this.code = extensions?.code ?? 'UNKNOWN';
    this.traceId = extensions?.traceId ?? '';
    this.retryAfterSeconds = extensions?.retryAfterSeconds;
  }
}

type ServerError = { message: string; extensions?: { code?: string; traceId?: string; retryAfterSeconds?: number } };
type Answer<Data> = { data?: Data | null; errors?: ServerError[] };

export type Tokens = { accessToken: string; accessTokenExpiresAt: string; refreshToken: string };

/** The payload of a mutation, or what it was refused for. */
export function accepted<Payload extends { errors: readonly Refusal[] }>(payload: Payload | null | undefined): Payload {
  if (!payload) throw new Error('the mutation has no answer');
  if (payload.errors.length > 0) throw new Refused(payload.errors);
  return payload;
}

async function send<Data, Variables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  token?: string,
): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  const [first] = errors ?? [];
  // Of a query, show what is there, if you can; here nothing is good enough but all of it.
  if (first) throw new Failed(first);
  if (!data) throw new Error('neither data nor errors');
  return data;
}

/** Somebody who is signed in. */
export class Session {
  readonly #url: string;
  #tokens: Tokens;
  #renewing: Promise<void> | undefined;
  #socket: Client | undefined;

  private constructor(url: string, tokens: Tokens) {
    this.#url = url;
    this.#tokens = tokens;
  }

  static async signIn(url: string, email: string, password: string): Promise<Session> {
    const { signIn } = await send(url, SignIn, { input: { email, password } });
    const { tokens } = accepted(signIn);
    if (!tokens) throw new Error('no tokens');
    return new Session(url, tokens);
  }

  /**
   * Ask, or do. A token that has expired meanwhile is renewed, and the request sent again; the clock of this machine,
   * which may be wrong, is not asked.
   */
  async request<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    try {
      return await send(this.#url, document, variables, this.#tokens.accessToken);
    } catch (error) {
      if (!(error instanceof Failed) || error.code !== 'TOKEN_EXPIRED') throw error;
      await this.renew();
      return send(this.#url, document, variables, this.#tokens.accessToken);
    }
  }

  /**
   * Get the next tokens. A refresh token is good once, and whoever uses one twice is signed out: it might be stolen.
   * So whatever is under way at the same time waits for the same answer, and tabs of a browser have to share it, too
   * (`navigator.locks`).
   */
  renew(): Promise<void> {
    this.#renewing ??= (async () => {
      const { refreshToken } = this.#tokens;
      const { sessionRefresh } = await send(this.#url, Refresh, { input: { refreshToken } });
      const { tokens } = accepted(sessionRefresh);
      if (!tokens) throw new Error('no tokens');
      this.#tokens = tokens;
    })().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Follow something. One socket carries all that is followed; it comes back by itself, with a fresh token. */
  async *follow<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): AsyncGenerator<Data> {
    this.#socket ??= createClient({
      url: this.#url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket, // In a browser, leave this out: it has its own.
      lazy: true,
      connectionParams: async () => {
        await this.renew();
        return { authorization: `Bearer ${this.#tokens.accessToken}` };
      },
    });
    for await (const { data, errors } of this.#socket.iterate<Data>({ query: print(document), variables })) {
      const [first] = errors ?? [];
      if (first) throw new Failed(first as ServerError);
      if (data) yield data;
    }
  }

  /** Hang up. */
  async close(): Promise<void> {
    await this.#socket?.dispose();
  }
}
