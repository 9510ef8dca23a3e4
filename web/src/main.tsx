import { createRoot } from "react-dom/client";

import { App } from "./app";
import { paths } from "./data/api";
import { connect, useLive } from "./data/live";
import { setKinds, type Kind } from "./pages/kinds";
import { Loading, Problem } from "./parts/parts";

// The list of kinds first: menu, addresses and pages are made from it. Asked for again when the server comes back, which
// may be another version of it.
function Console(): React.JSX.Element {
  const { data, error } = useLive<{ kinds: Kind[] }>(paths.kinds(), () => false);
  if (!data) return error ? <Problem text={error} /> : <Loading />;
  setKinds(data.kinds);
  return <App />;
}

connect();
createRoot(document.getElementById("app")!).render(<Console />);
