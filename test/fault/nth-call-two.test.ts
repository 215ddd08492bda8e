import { describeNthCall } from "./nth-call.ts";

describeNthCall(2);
