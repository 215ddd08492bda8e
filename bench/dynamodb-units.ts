/**
 * How large DynamoDB counts an item, and how many request units that makes.
 *
 * See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html.
 */

/** A value as DynamoDB's JSON has it, with one member that names its type. */
export type DynamoDbValue = Readonly<Record<string, unknown>>;
/** An item as DynamoDB's JSON has it. */
export type DynamoDbItem = Readonly<Record<string, DynamoDbValue>>;

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;
/** Of a list or a map, and of each of its elements. */
const CONTAINER_BYTES = 3;
const ELEMENT_BYTES = 1;

/** Octets of an item: names and values. Throws TypeError for a type that it does not know. */
export function itemBytes(item: DynamoDbItem): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);
}

/** Units of a write: by the larger of the item before and after, at least one. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / WRITE_UNIT_BYTES));
}

/** Units of a read of so many octets in all; an eventually consistent one costs half. */
export function readUnits(bytes: number, consistent: boolean): number {
  return Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (consistent ? 1 : 0.5);
}

function valueBytes(value: DynamoDbValue): number {
  const [type, content] = Object.entries(value)[0] ?? ["", undefined];
  if (type === "S") return Buffer.byteLength(String(content));
  if (type === "N") return numberBytes(String(content));
  if (type === "BOOL" || type === "NULL") return 1;
  if (type === "L" && Array.isArray(content)) {
    const elements = content as DynamoDbValue[];
    return elements.reduce((sum, element) => sum + ELEMENT_BYTES + valueBytes(element), CONTAINER_BYTES);
  }
  if (type === "M" && typeof content === "object" && content !== null) {
    const members = content as DynamoDbItem;
    return CONTAINER_BYTES + itemBytes(members) + ELEMENT_BYTES * Object.keys(members).length;
  }
  throw new TypeError(`the size of a value of type "${type}" is not known`);
}

/** One octet for each two significant digits and one more; one again for a minus. */
function numberBytes(number: string): number {
  const digits = number.replace(/[-+.]|e.*$/gi, "").replace(/^0+|0+$/g, "");
  return 1 + Math.ceil(digits.length / 2) + (number.startsWith("-") ? 1 : 0);
}
