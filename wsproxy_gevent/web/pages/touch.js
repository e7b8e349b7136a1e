// The keyboard of a phone, which gives changes of a text instead of keys.

const BACKSPACE = 0xff08;
const ENTER = 0xff0d;

// Something to take away from: on an empty field Backspace changes nothing.
const SEED = "_".repeat(50);
const LONGEST = 200;

/** The X11 keysym of a character: itself in Latin-1, else its code point in Unicode's range. */
function keysymOf(character) {
  if (character === "\n") return ENTER;
  const point = character.codePointAt(0);
  return point < 0x100 ? point : 0x01000000 | point;
}

/** Hand what is typed into `field` to `press(keysym)`, corrections as Backspaces. */
export function typeInto(field, press) {
  let before = SEED;
  const reseed = () => {
    field.value = before = SEED;
    field.setSelectionRange(SEED.length, SEED.length);
  };
  field.addEventListener("focus", reseed);
  field.addEventListener("input", (event) => {
    const [old, now] = [[...before], [...field.value]];
    let same = 0;
    while (same < old.length && old[same] === now[same]) same += 1;
    for (let place = same; place < old.length; place += 1) press(BACKSPACE);
    for (const character of now.slice(same)) press(keysymOf(character));
    before = field.value;
    const isSettled = !event.isComposing;
    if (isSettled && (now.length < SEED.length / 2 || now.length > LONGEST)) reseed();
  });
}
