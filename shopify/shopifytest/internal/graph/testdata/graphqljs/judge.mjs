// The judge reads one JSON value a line and answers each with one:
//
//   {"query": …}                                  → {"problems": [message, …]}
//   {"query": …, "variables": …, "data": …}       → {"problems": [what the schema does not allow, …]}
//
// The first asks GraphQL's reference implementation whether the schema in the file
// named by the first argument allows the document; the second whether data is an
// answer to it.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import {
  buildSchema, GraphQLError, isAbstractType, isEnumType, isLeafType, isListType, isNonNullType,
  Kind, OperationTypeNode, parse, validate, valueFromAST, typeFromAST, getDirectiveValues,
  GraphQLIncludeDirective, GraphQLSkipDirective, SchemaMetaFieldDef, TypeMetaFieldDef,
} from 'graphql'

const schema = buildSchema(readFileSync(process.argv[2], 'utf8'))

const metaFields = { __schema: SchemaMetaFieldDef, __type: TypeMetaFieldDef }

function problemsOf(query) {
  try {
    return validate(schema, parse(query)).map((e) => e.message)
  } catch (e) {
    if (e instanceof GraphQLError) return [e.message]
    throw e
  }
}

class Reader {
  constructor(query, variables) {
    const doc = parse(query)
    this.operation = doc.definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION)
    this.fragments = new Map(doc.definitions.filter((d) => d.kind === Kind.FRAGMENT_DEFINITION).map((d) => [d.name.value, d]))
    this.variables = { ...variables }
    for (const v of this.operation.variableDefinitions ?? []) {
      const name = v.variable.name.value
      if (!(name in this.variables) && v.defaultValue) {
        this.variables[name] = valueFromAST(v.defaultValue, typeFromAST(schema, v.type))
      }
    }
    this.problems = []
  }

  wrong(path, what) {
    if (this.problems.length < 20) this.problems.push(`${path.join('.')}: ${what}`)
  }

  read(data) {
    const root = this.operation.operation === OperationTypeNode.MUTATION ? schema.getMutationType() : schema.getQueryType()
    this.object(root, [this.operation.selectionSet], data, ['data'])
    return this.problems
  }

  wanted(node) {
    if (getDirectiveValues(GraphQLSkipDirective, node, this.variables)?.if === true) return false
    return getDirectiveValues(GraphQLIncludeDirective, node, this.variables)?.if !== false
  }

  applies(condition, type) {
    if (!condition || condition === type.name) return true
    const t = schema.getType(condition)
    return isAbstractType(t) && schema.isSubType(t, type)
  }

  // fields returns the selected fields by their keys in the response, in order.
  fields(type, sets, into = new Map()) {
    for (const set of sets) {
      for (const node of set.selections) {
        if (!this.wanted(node)) continue
        if (node.kind === Kind.FIELD) {
          const key = (node.alias ?? node.name).value
          into.set(key, [...(into.get(key) ?? []), node])
        } else {
          const fragment = node.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(node.name.value) : node
          if (this.applies(fragment.typeCondition?.name.value, type)) this.fields(type, [fragment.selectionSet], into)
        }
      }
    }
    return into
  }

  object(type, sets, value, path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.wrong(path, 'no object')
    const fields = this.fields(type, sets)
    const expected = [...fields.keys()]
    const found = Object.keys(value)
    if (expected.join() !== found.join()) this.wrong(path, `keys are ${found}, not ${expected}`)
    for (const [key, nodes] of fields) {
      const name = nodes[0].name.value
      if (name === '__typename') {
        if (value[key] !== type.name) this.wrong([...path, key], `__typename is ${value[key]}, not ${type.name}`)
        continue
      }
      const def = metaFields[name] ?? type.getFields()[name]
      this.value(def.type, nodes, value[key], [...path, key])
    }
  }

  value(type, nodes, value, path) {
    if (isNonNullType(type)) {
      if (value === null || value === undefined) return this.wrong(path, 'null where the schema allows none')
      return this.value(type.ofType, nodes, value, path)
    }
    if (value === null) return
    if (value === undefined) return this.wrong(path, 'missing')
    if (isListType(type)) {
      if (!Array.isArray(value)) return this.wrong(path, 'no list')
      return value.forEach((v, i) => this.value(type.ofType, nodes, v, [...path, i]))
    }
    if (isLeafType(type)) return this.leaf(type, value, path)
    const sets = nodes.map((n) => n.selectionSet)
    if (!isAbstractType(type)) return this.object(type, sets, value, path)
    const concrete = schema.getType(value?.__typename)
    if (!concrete || !schema.isSubType(type, concrete)) return this.wrong(path, `${value?.__typename} is no ${type}`)
    this.object(concrete, sets, value, path)
  }

  // leaf has the types with which the reference implementation's own scalars, and
  // Shopify's documentation of its custom ones, are written.
  leaf(type, value, path) {
    if (isEnumType(type)) {
      if (!type.getValue(value)) this.wrong(path, `${value} is no ${type}`)
      return
    }
    switch (type.name) {
      case 'Int': case 'Float': case 'Boolean': case 'String': case 'ID':
        try {
          if (type.serialize(value) !== value) this.wrong(path, `no ${type}`)
        } catch {
          this.wrong(path, `no ${type}`)
        }
        return
      case 'JSON':
        return
    }
    const pattern = {
      Decimal: /^-?\d+(\.\d+)?$/, Money: /^-?\d+(\.\d+)?$/, UnsignedInt64: /^\d{1,20}$/, BigInt: /^-?\d+$/,
      DateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/, Date: /^\d{4}-\d\d-\d\d$/,
      URL: /^[a-z][a-z0-9+.-]*:/i, UtcOffset: /^[+-]\d\d:\d\d$/, Color: /^#[0-9a-f]{3,8}$/i,
    }[type.name] ?? /^/
    if (typeof value !== 'string' || !pattern.test(value)) this.wrong(path, `no ${type}`)
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { query, variables, data } = JSON.parse(line)
  const problems = data === undefined ? problemsOf(query) : new Reader(query, variables).read(data)
  process.stdout.write(JSON.stringify({ problems }) + '\n')
}
