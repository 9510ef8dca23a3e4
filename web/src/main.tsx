import { createRoot } from "react-dom/client";

import { App } from "./app";
import { connect } from "./data/live";

connect();
createRoot(document.getElementById("app")!).render(<App />);
