import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { readData } from "./data.ts";
import { createServer, findBase } from "./server.ts";
import "./style.css";

const root = createRoot(document.getElementById("app")!);
try {
  const data = readData();
  const base = findBase();
  const server = base === undefined ? undefined : createServer(base, data.mlflowUrl ?? base);
  root.render(<App data={data} server={server} />);
} catch (error) {
  root.render(<p>{(error as Error).message}</p>);
}
