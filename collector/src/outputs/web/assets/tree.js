// A small tree of wanted elements, brought into the document by changing only what differs: focus, open
// details and selected text survive each update. Text always becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const known = new WeakMap();

/// A wanted element. Props: `class`, `key`, `on` (handlers), `css` (custom properties), `mount` with `value`
/// (the element's content is then the function's own business), anything else an attribute.
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children };
}

/// Makes the host's content be what is wanted.
export function render(host, ...wanted) {
  reconcile(host, flat(wanted));
}

function flat(children, out = []) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, out);
    else if (child !== null && child !== undefined && child !== false && child !== "") out.push(child);
  }
  return out;
}

function reconcile(host, wanted) {
  const keyed = new Map();
  for (const node of host.childNodes) {
    const key = known.get(node)?.props.key;
    if (key !== undefined) keyed.set(key, node);
  }
  let at = host.firstChild;
  for (const item of wanted) {
    const key = item.props?.key;
    let node = key === undefined ? at : keyed.get(key);
    if (node && fits(node, item)) {
      if (node === at) at = at.nextSibling;
      else host.insertBefore(node, at);
    } else {
      node = create(item, host);
      host.insertBefore(node, at);
    }
    update(node, item);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function fits(node, item) {
  if (typeof item !== "object") return node.nodeType === Node.TEXT_NODE;
  const was = known.get(node);
  return was !== undefined && was.tag === item.tag && was.props.key === item.props.key;
}

function create(item, host) {
  if (typeof item !== "object") return document.createTextNode(String(item));
  const inSvg = item.tag === "svg" || (host.namespaceURI === SVG && host.localName !== "foreignObject");
  const node = inSvg ? document.createElementNS(SVG, item.tag) : document.createElement(item.tag);
  known.set(node, { tag: item.tag, props: {}, handlers: {} });
  return node;
}

function update(node, item) {
  if (typeof item !== "object") {
    if (node.data !== String(item)) node.data = String(item);
    return;
  }
  const was = known.get(node);
  setProps(node, was, item.props);
  was.props = item.props;
  if (item.props.mount) item.props.mount(node, item.props.value);
  else reconcile(node, flat(item.children));
}

const OWN = new Set(["key", "on", "css", "mount", "value"]);

function setProps(node, was, props) {
  for (const name of Object.keys(was.props)) {
    if (!(name in props) && !OWN.has(name)) node.removeAttribute(name);
  }
  for (const [name, value] of Object.entries(props)) {
    if (OWN.has(name) || was.props[name] === value) continue;
    if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const [name, value] of Object.entries(props.css ?? {})) {
    if (was.props.css?.[name] !== value) node.style.setProperty(name, value);
  }
  for (const name of Object.keys({ ...was.handlers, ...props.on })) {
    if (!(name in was.handlers)) node.addEventListener(name, (event) => known.get(node).handlers[name]?.(event));
    was.handlers[name] = props.on?.[name];
  }
}
