import { MlflowError } from "./errors.ts";

/** Address and credentials. */
export interface ConnectionOptions {
  /** `http(s)://host[:port][/prefix]`; credentials in it (`https://user:password@…`) are used and never shown. */
  readonly trackingUri: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** Sent as `Authorization: Basic`, together with `password`; wins over `token`, as in MLflow's Python client. */
  readonly username?: string;
  readonly password?: string;
}

export interface Connection {
  /** The tracking URI without credentials and without a slash at its end. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Replaces every credential in a text by `***`. */
  redact(text: string): string;
}

/** @throws MlflowError (INVALID_REQUEST) for an address that is no http(s) URL or a credential that no header can hold */
export function connect(options: ConnectionOptions): Connection {
  const url = parse(options.trackingUri);
  const username = options.username ?? decode(url.username);
  const password = options.password ?? decode(url.password);
  const token = options.token ?? "";
  const basic = username && password ? Buffer.from(`${username}:${password}`, "utf8").toString("base64") : "";
  if (!basic && /[^\x21-\x7e]/.test(token)) {
    throw invalid(
      "the MLflow token holds a space, a line break or another character that no HTTP header can carry",
    );
  }
  const authorization = basic ? `Basic ${basic}` : token ? `Bearer ${token}` : undefined;
  const secrets = [password, token, basic, url.password, encodeURIComponent(password)].filter(
    (text) => text !== "",
  );
  return {
    base: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`,
    headers: authorization ? { authorization } : {},
    redact: (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text),
  };
}

/** A URI as it may be shown: without user, password and query. */
export function withoutCredentials(uri: string): string {
  // Up to the last @: what makes it no URL is often a password with a slash in it.
  if (!URL.canParse(uri)) return uri.replace(/\/\/.*@/s, "//").replace(/\?.*$/s, "");
  const url = new URL(uri);
  url.username = "";
  url.password = "";
  url.search = "";
  return url.href;
}

function parse(trackingUri: string): URL {
  // new URL() puts its whole input, credentials included, into the error it throws.
  if (URL.canParse(trackingUri)) {
    const url = new URL(trackingUri);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  }
  throw invalid(
    `the MLflow tracking URI must be http(s)://host[:port], not "${withoutCredentials(trackingUri)}"; a database or a ` +
      "folder is reached through a server on it: mlflow server --backend-store-uri <it>",
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare "%" in a password: taken as it stands.
    return text;
  }
}

function invalid(message: string): MlflowError {
  return new MlflowError(message, { errorCode: "INVALID_REQUEST" });
}
