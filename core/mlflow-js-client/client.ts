import { type Artifacts, artifactsOf } from "./artifacts.ts";
import { type ConnectionOptions, connect } from "./connection.ts";
import { MlflowError } from "./errors.ts";
import { type Experiments, experimentsOf } from "./experiments.ts";
import { type LoggedModels, loggedModelsOf } from "./logged-models.ts";
import { type Metrics, metricsOf } from "./metrics.ts";
import { type Registry, registryOf } from "./registry.ts";
import { type Runs, runsOf } from "./runs.ts";
import { type Server, serverOf } from "./server.ts";
import { createTransport, type TransportOptions } from "./transport.ts";

/** Where the server is, what it is told of us, and how patient the client is. */
export interface MlflowClientOptions extends ConnectionOptions, TransportOptions {}

/** A tracking server, by the REST API's groups. Every call may throw a MlflowError. */
export interface MlflowClient {
  /** Where it talks to, without credentials. */
  readonly baseUrl: string;
  readonly experiments: Experiments;
  readonly runs: Runs;
  readonly metrics: Metrics;
  readonly artifacts: Artifacts;
  readonly loggedModels: LoggedModels;
  readonly registry: Registry;
  readonly server: Server;
  /** Page of an experiment in MLflow's UI. */
  experimentUrl(experimentId: string): string;
  /** Page of a run in MLflow's UI. */
  runUrl(experimentId: string, runId: string): string;
}

/**
 * A client of one MLflow tracking server (REST API 2.0). Nothing is sent before the first call.
 * @throws MlflowError (INVALID_REQUEST) when the tracking URI is not http(s)
 */
export function createMlflowClient(options: MlflowClientOptions): MlflowClient {
  const transport = createTransport(connect(options), options);
  const experimentUrl = (experimentId: string) => `${transport.base}/#/experiments/${experimentId}`;
  return {
    baseUrl: transport.base,
    experiments: experimentsOf(transport),
    runs: runsOf(transport),
    metrics: metricsOf(transport),
    artifacts: artifactsOf(transport),
    loggedModels: loggedModelsOf(transport),
    registry: registryOf(transport),
    server: serverOf(transport),
    experimentUrl,
    runUrl: (experimentId, runId) => `${experimentUrl(experimentId)}/runs/${runId}`,
  };
}

/**
 * A client as MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN and MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_PASSWORD
 * say. MLFLOW_TRACKING_INSECURE_TLS is refused: Node's fetch can only trust everything or what NODE_EXTRA_CA_CERTS names.
 * @throws MlflowError (INVALID_REQUEST) when MLFLOW_TRACKING_URI is missing or not http(s)
 */
export function clientFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: Partial<MlflowClientOptions> = {},
): MlflowClient {
  const given = (name: string) => env[name]?.trim() || undefined;
  const trackingUri = options.trackingUri ?? given("MLFLOW_TRACKING_URI");
  if (trackingUri === undefined) throw invalid("MLFLOW_TRACKING_URI is not set");
  if (/^(1|true)$/i.test(given("MLFLOW_TRACKING_INSECURE_TLS") ?? "")) {
    throw invalid(
      "MLFLOW_TRACKING_INSECURE_TLS is not supported: unset it and name the server's certificate authority in NODE_EXTRA_CA_CERTS",
    );
  }
  return createMlflowClient({
    token: given("MLFLOW_TRACKING_TOKEN"),
    username: given("MLFLOW_TRACKING_USERNAME"),
    password: given("MLFLOW_TRACKING_PASSWORD"),
    ...options,
    trackingUri,
  });
}

function invalid(message: string): MlflowError {
  return new MlflowError(message, { errorCode: "INVALID_REQUEST", status: 0 });
}
