// Files that are fetched while the page runs, checked against the hash that index.html names beside their address. Browsers check the integrity
// of scripts and styles by themselves (W3C SRI); these are the others. Whoever pins index.html has pinned them.
//
//   <meta name="frames-worker" content="/assets/frames-….js" data-integrity="sha384-…">

// Rejects if the file is not there or not the one that index.html names.
export async function fetchChecked(name: string, more: RequestInit = {}): Promise<Response> {
  const { content = '', dataset: { integrity = '' } = {} } = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`) ?? {};
  if (!content || !integrity) throw new Error(`index.html names no ${name} with its hash`);
  const response = await fetch(content, { ...more, integrity });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}
