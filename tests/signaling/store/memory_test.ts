import { MemoryStore } from "../../../signaling/store/memory.ts";
import { testStore } from "../../contract/store_contract.ts";

testStore("memory", () => Promise.resolve({ store: new MemoryStore(), dispose: async () => {} }));
