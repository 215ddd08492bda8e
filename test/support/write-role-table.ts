/** Writes the table of roles in ARCHITECTURE.md anew: `node test/support/write-role-table.ts`. */

import { writeFile } from "node:fs/promises";
import { ARCHITECTURE, withRoleTable } from "../infra/role-table.ts";

await writeFile(ARCHITECTURE, withRoleTable().wanted);
console.log(`wrote ${ARCHITECTURE}`);
